"""Plain characters in place of those that the Linux console's fonts lack."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_BLOCKS = {
    **dict.fromkeys("╭╮╰╯┌┐└┘├┤┬┴┼╔╗╚╝╠╣╦╩╬┏┓┗┛┣┫┳┻╋╒╕╘╛╞╡╪╟╢", "+"),
    **dict.fromkeys("─━═╌╍┄┅╴╶▔▁▂▃▄", "-"),
    **dict.fromkeys("│┃║╎╏┆┇▏▎▍▌▐▕▊▋▉", "|"),
    **dict.fromkeys("█▇▆▅▓▀▛▜▙▟", "#"),
    **dict.fromkeys("░▒", "."),
    **dict.fromkeys("•●◦○∙⬤▪", "*"),
    **dict.fromkeys("›▶▸▷❯→", ">"),
    **dict.fromkeys("‹◀◂❮←", "<"),
    **dict.fromkeys("▼▾▽↓", "v"),
    **dict.fromkeys("▲▴△↑", "^"),
    "…": ".",
    "—": "-",
    "·": "-",
    "✓": "x",
    "✗": "!",
}
_BRAILLE = dict.fromkeys(range(10241, 10496), ":") | {0x2800: " "}
PLAIN = str.maketrans(_BLOCKS) | _BRAILLE
"""Each is one cell wide, as is what stands for it."""


class PlainGlyphs(LineFilter):
    """Works on what is about to be drawn, so that no widget need know of it."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            segment if segment.text.isascii() else Segment(segment.text.translate(PLAIN), segment.style)
            for segment in segments
        ]
