"""Lines of exactly so many cells, and the bars in them: pure.

With `plain` they keep to ASCII, for the Linux console and other terminals that lack the block characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

from rich.cells import cell_len, set_cell_size

Piece = tuple[str, str]
"""Text, and its kind: how it looks is the panel's business."""
Line = tuple[Piece, ...]

BLOCK, REST = "█", "░"
EIGHTHS = " ▏▎▍▌▋▊▉"
HEIGHTS = "▁▂▃▄▅▆▇█"
PLAIN_BLOCK, PLAIN_REST = "#", "."
PLAIN_HEIGHTS = "_.-:=+*#"
CLOSING, OPENING = "，。：；！？）、》」", "（《「"
"""No line begins with one of these, or ends with one of those."""


def cells(line: Iterable[Piece]) -> int:
    return sum(cell_len(text) for text, _ in line)


def fit(line: Iterable[Piece], width: int) -> Line:
    """Cut or filled up with spaces to `width` cells."""
    fitted, left = [], width
    for text, kind in line:
        n_cells = cell_len(text)
        if n_cells > left:
            text, n_cells = set_cell_size(text, left), left
        if text:
            fitted.append((text, kind))
        left -= n_cells
    return (*fitted, (" " * left, "")) if left else tuple(fitted)


def sides(left: Line, rights: Sequence[str], width: int, kind: str = "") -> Line:
    """`left` and, at the other end, the first of `rights` for which there is room."""
    for right in rights:
        free = width - cells(left) - cell_len(right)
        if free >= 1:
            return (*left, (" " * free, ""), (right, kind))
    return fit(left, width)


def stacked(parts: Sequence[tuple[float, str, str]], total: float, width: int, *, plain: bool) -> Line:
    """A bar of amounts of `total`: (amount, kind, letter), from left to right; the letters stand in a plain bar."""
    line = []
    scale = width / max(total, sum(amount for amount, _, _ in parts), 1e-9)
    ends = [round(scale * end) for end in accumulate(amount for amount, _, _ in parts)]
    for (_, kind, letter), begin, end in zip(parts, [0, *ends], ends, strict=False):
        if end > begin:
            line.append(((letter if plain else BLOCK) * (end - begin), kind))
    rest = width - (ends[-1] if ends else 0)
    return (*line, ((PLAIN_REST if plain else REST) * rest, "muted")) if rest else tuple(line)


def gauge(share: float, width: int, *, plain: bool, kind: str = "") -> Line:
    """A bar of one amount, to an eighth of a cell."""
    share = min(max(share, 0.0), 1.0)
    if plain:
        n = round(share * width)
        return (PLAIN_BLOCK * n, kind), (PLAIN_REST * (width - n), "muted")
    n, eighth = divmod(round(share * width * 8), 8)
    done = BLOCK * n + (EIGHTHS[eighth] if eighth else "")
    return (done, kind), (REST * (width - len(done)), "muted")


def spark(values: Sequence[float], top: float, width: int, *, plain: bool) -> str:
    """The last of `values` as columns of 0 to `top`, the latest at the right."""
    heights = PLAIN_HEIGHTS if plain else HEIGHTS
    shown = list(values)[-width:] if width > 0 else []
    columns = [heights[min(int(len(heights) * max(value, 0) / max(top, 1e-9)), len(heights) - 1)] for value in shown]
    return "".join(columns).rjust(width)


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most `width` cells, broken at spaces or between wide characters; a longer word is cut."""
    lines, line = [], ""
    for word in _words(text):
        while cell_len((line + word).rstrip()) > width:
            if line.strip():
                lines.append(line.rstrip())
                line, word = "", word.lstrip()
            else:
                head = set_cell_size(word, width).rstrip()
                lines.append(head or word[0])
                word = word[len(lines[-1]) :]
        line += word
    return [*lines, line.rstrip()] if line.strip() else lines


def _words(text: str) -> list[str]:
    """Pieces between which a line may be broken; spaces end the piece before."""
    words: list[str] = []
    for letter in text:
        if not words or _breaks(words[-1][-1], letter):
            words.append(letter)
        else:
            words[-1] += letter
    return words


def _breaks(before: str, letter: str) -> bool:
    """Whether a line may end between the two."""
    if letter == " " or letter in CLOSING or before in OPENING or not cell_len(letter):
        return False
    return before == " " or cell_len(before) == 2 or cell_len(letter) == 2
