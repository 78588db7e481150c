"""Rows of text for a terminal of any width, in any script."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

GAP = 2
LEAST_NAME = 20
"""Cells of the first column below which another column goes first."""


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    cells: Sequence[str]
    right: bool = False
    keep: int = 0
    """The columns with the least go first where there is little room; the first column always stays."""

    @property
    def width(self) -> int:
        return max(width(text) for text in (self.title, *self.cells))


def table(columns: Sequence[Column], room: int | None) -> Iterator[str]:
    """The lines, of at most `room` cells each; None for as long as they are, as in a pipe."""
    shown = list(columns)
    while room is not None and len(shown) > 1 and _total(shown) > room:
        if room - _total(shown) + shown[0].width >= LEAST_NAME:
            break
        least = min(column.keep for column in shown[1:])
        shown = [column for column in shown if column is shown[0] or column.keep != least]
    first = shown[0].width
    if room is not None:
        first = max(1, min(first, room - _total(shown) + first))
    widths = [first, *(column.width for column in shown[1:])]
    for line in (tuple(column.title for column in shown), *zip(*(column.cells for column in shown), strict=True)):
        parts = [
            padded(clipped(text, wide), wide, right=column.right)
            for text, wide, column in zip(line, widths, shown, strict=True)
        ]
        yield (" " * GAP).join(parts).rstrip()


def terminal_room() -> int | None:
    """Cells of a line of stdout; None where that is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def printable(text: str) -> str:
    """On one line, and nothing in it steers the terminal; what is no character is shown as its number."""
    plain = text.encode("utf-8", "backslashreplace").decode()
    return "".join(c if c.isprintable() else "\ufffd" for c in plain)


def amount(n_bytes: float) -> str:
    """`3 kB`, `986 MB`, `1.2 GB`."""
    if n_bytes >= 1e9:
        return f"{n_bytes / 1e9:.1f} GB"
    return f"{n_bytes / 1e6:.0f} MB" if n_bytes >= 1e6 else f"{n_bytes / 1e3:.0f} kB"


def width(text: str) -> int:
    """Cells on a terminal: Chinese characters take two, what is put upon another none."""
    return sum(_cells(c) for c in text)


def clipped(text: str, room: int) -> str:
    """What of `text` takes `room` cells, with a sign where something is missing."""
    if width(text) <= room:
        return text
    left, kept = room - 1, ""
    for c in text:
        left -= _cells(c)
        if left < 0:
            break
        kept += c
    return kept + "…"


def padded(text: str, room: int, *, right: bool = False) -> str:
    blanks = " " * max(0, room - width(text))
    return blanks + text if right else text + blanks


def _cells(c: str) -> int:
    if unicodedata.combining(c) or unicodedata.category(c) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(c) in "WF" else 1


def _total(columns: Sequence[Column]) -> int:
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)
