"""Lists, tables and quotes as the lines of one widget, made for its width.

A widget for each item and each cell, as Textual's Markdown has them, costs some 25 kB and several milliseconds each.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from textual.content import Content

from tui.conversation.columns import Alignment, widths_of

NARROWEST = 10
"""Cells that a text should have at least; indents give way to it."""
LEAST_COLUMN = 3
"""Cells; where a table's columns would be narrower, its rows are written one below the other."""
BETWEEN = " │ "


@dataclass(frozen=True, slots=True)
class Part:
    """What is put before its first line and before its others: indents, bullets and the bars of quotes."""

    first: Content
    rest: Content

    def inside(self, width: int) -> tuple[Content, Content, int]:
        """Both as they are put, and the cells that are left to the text."""
        too_wide = NARROWEST - (width - self.rest.cell_length)
        blank = min(len(put.plain) - len(put.plain.lstrip()) for put in (self.first, self.rest))
        cut = max(0, min(too_wide, blank))
        return self.first[cut:], self.rest[cut:], max(2, width - self.rest.cell_length + cut)


@dataclass(frozen=True, slots=True)
class Blank(Part):
    """A line with nothing but what is put before it."""


@dataclass(frozen=True, slots=True)
class Rule(Part):
    """A line across."""


@dataclass(frozen=True, slots=True)
class Paragraph(Part):
    text: int
    """Its number among the texts."""


@dataclass(frozen=True, slots=True)
class Table(Part):
    """Its texts follow each other from the header's first to the last row's last."""

    text: int
    n_rows: int
    """Without the header."""
    columns: tuple[Alignment, ...]


@dataclass(slots=True)
class Line:
    content: Content
    row: int
    """Of the text that is selected: a wrapped text is one row."""
    begin: int
    """How much of the row was written on lines before this one."""
    indent: int
    """Letters before it that belong to no row."""


@dataclass(slots=True)
class Laid:
    """The lines of a sheet for one width."""

    width: int
    lines: list[Line] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    """What is selected and copied with the mouse."""
    _begins: list[tuple[int, int]] = field(default_factory=list)
    """Places in the whole text and the lines that they are on."""

    def line_at(self, place: int) -> int:
        """The line that a place in the whole text is on."""
        at = bisect_right(self._begins, (place, len(self.lines))) - 1
        return self._begins[at][1] if at >= 0 else 0

    def begin(self, place: int) -> None:
        """That place of the text will be on the next line."""
        self._begins.append((place, len(self.lines)))

    def sort(self) -> None:
        """Cells are drawn beside each other, while their texts follow each other."""
        self._begins.sort()

    def add(self, content: Content) -> None:
        """A line that is a row of its own."""
        self.lines.append(Line(content, len(self.rows), 0, 0))
        self.rows.append(content.plain)


def lay(parts: Sequence[Part], texts: Sequence[Content], width: int) -> Laid:
    """`parts` of `texts`, whose places are those in all texts with a line break between them."""
    laid, begins, begin = Laid(width), [], 0
    for text in texts:
        begins.append(begin)
        begin += len(text) + 1
    for part in parts:
        first, rest, inside = part.inside(width)
        match part:
            case Paragraph():
                _write(laid, first, rest, texts[part.text], begins[part.text], inside)
            case Table():
                _draw_table(laid, part, texts, begins, width)
            case Rule():
                laid.add(first + Content.styled("─" * inside, ".rule"))
            case _:
                laid.add(first)
    return laid


def wrapped(text: Content, width: int) -> list[tuple[int, Content]]:
    """The lines of a text, each with its place; spaces where lines end are left out."""
    found, place = [], 0
    for line in text.split("\n", allow_blank=True):
        within = 0
        for piece in [line] if line.cell_length <= width and "\t" not in line.plain else line.wrap(width):
            within = max(within, line.plain.find(piece.plain, within))
            found.append((place + within, piece))
            within += len(piece)
        place += len(line) + 1
    return found or [(0, text)]


def _write(laid: Laid, first: Content, rest: Content, text: Content, begin: int, width: int) -> None:
    breaks = {0, *(at + 1 for at, letter in enumerate(text.plain) if letter == "\n")}
    row_begin = 0
    for number, (place, piece) in enumerate(wrapped(text, width)):
        laid.begin(begin + place)
        put = rest if number else first
        if place in breaks:
            row_begin = place
            laid.lines.append(Line(put + piece, len(laid.rows), 0, 0))
            end = text.plain.find("\n", place)
            laid.rows.append(put.plain + text.plain[place : len(text) if end < 0 else end])
            lead = len(put)
        else:
            laid.lines.append(Line(put + piece, len(laid.rows) - 1, lead + place - row_begin, len(put)))


def _draw_table(laid: Laid, table: Table, texts: Sequence[Content], begins: Sequence[int], width: int) -> None:
    first, rest, inside = table.inside(width)
    n_columns = len(table.columns)
    numbers = [range(table.text + n * n_columns, table.text + (n + 1) * n_columns) for n in range(table.n_rows + 1)]
    natural = [
        max(max(line.cell_length for line in texts[row[column]].split("\n", allow_blank=True)) for row in numbers)
        for column in range(n_columns)
    ]
    room = inside - len(BETWEEN) * (n_columns - 1)
    widths = widths_of(natural, room)
    if sum(widths) > room or any(
        given < min(wanted, LEAST_COLUMN) for given, wanted in zip(widths, natural, strict=True)
    ):
        _write_records(laid, rest, texts, begins, numbers, inside)
        laid.sort()
        return
    cells = [[wrapped(texts[number], widths[column]) for column, number in enumerate(row)] for row in numbers]
    between = Content.styled(BETWEEN, ".rule")
    ruled = any(len(cell) > 1 for row in cells[1:] for cell in row)
    across = rest + Content.styled("─┼─".join("─" * cells_wide for cells_wide in widths), ".rule")
    for number, row in enumerate(cells):
        if number == 1 or (number > 1 and ruled):
            laid.add(across)
        for at in range(max(map(len, row))):
            drawn = []
            for column, cell in enumerate(row):
                place, piece = cell[at] if at < len(cell) else (-1, Content(""))
                if place >= 0:
                    laid.begin(begins[numbers[number][column]] + place)
                piece = piece if number else piece.stylize(".heading")
                drawn.append(_aligned(piece, widths[column], table.columns[column]))
            laid.add((rest if number or at else first) + between.join(drawn))
    laid.sort()


def _write_records(
    laid: Laid, put: Content, texts: Sequence[Content], begins: Sequence[int], numbers: Sequence[range], width: int
) -> None:
    """Each cell of a row on lines of its own, after its column's name; a line across between rows."""
    for number, row in enumerate(numbers[1:] or numbers):
        if number:
            laid.add(put + Content.styled("─" * width, ".rule"))
        for name, text in zip(numbers[0], row, strict=True):
            lead = texts[name].stylize(".heading") + ": " if text != name else Content("")
            for place, piece in wrapped(lead + texts[text], width):
                if not number and place < len(lead):
                    laid.begin(begins[name] + place)
                if place + len(piece) >= len(lead):
                    laid.begin(begins[text] + max(0, place - len(lead)))
                laid.add(put + piece)


def _aligned(piece: Content, width: int, alignment: Alignment) -> Content:
    room = width - piece.cell_length
    if room <= 0:
        return piece
    before = {"left": 0, "center": room // 2, "right": room}[alignment]
    return piece.pad(before, room - before)
