"""Plain characters take the same room."""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color

from tui.terminal.glyphs import PLAIN, PlainGlyphs


def test_each_is_as_wide_as_what_it_stands_for() -> None:
    for code, plain in PLAIN.items():
        assert str(plain).isascii()
        assert cell_len(chr(code)) == cell_len(str(plain)) == 1, chr(code)


def test_borders_become_plain_and_text_stays() -> None:
    segments = [Segment("╭──╮"), Segment("│你好é⣿│"), Segment("plain")]
    drawn = PlainGlyphs().apply(segments, Color(0, 0, 0))
    assert [segment.text for segment in drawn] == ["+--+", "|你好é:|", "plain"]
