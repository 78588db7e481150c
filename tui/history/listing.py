"""The list of conversations: only the lines that are seen are made, however many there are."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.history.row import Piece, Row, snippet_line, title_line
from tui.words.history import Words


class Listing(ScrollView, can_focus=True):
    """One row is selected, as long as there are any."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "listing--title",
        "listing--detail",
        "listing--snippet",
        "listing--mark",
        "listing--selected",
        "listing--selected-mark",
    }

    class Chosen(Message):
        """A row was clicked."""

    def __init__(self, words: Words) -> None:
        super().__init__()
        self._words = words
        self._open_id: str | None = None
        """Of the conversation that is on the desk."""
        self._now = time.time()
        self.rows: list[Row] = []
        self._at: list[tuple[int, int]] = []
        """For each line, its row and which of that row's lines it is."""
        self._first_lines: list[int] = []
        self._chosen = 0
        self._nothing = ""

    @property
    def selected(self) -> Row | None:
        return self.rows[self._chosen] if self.rows else None

    @property
    def place(self) -> int:
        """The selected row's number from 0."""
        return self._chosen

    def fill(self, rows: Sequence[Row], chosen: int = 0, nothing: str = "", open_id: str | None = None) -> None:
        """Other rows; `nothing` is said where there are none."""
        self.rows, self._nothing, self._open_id = list(rows), nothing, open_id
        self._now = time.time()
        self._at = [(i, line) for i, row in enumerate(self.rows) for line in range(row.n_lines)]
        self._first_lines = [line for line, (_, part) in enumerate(self._at) if part == 0]
        self._chosen = max(0, min(chosen, len(self.rows) - 1))
        self.virtual_size = Size(0, len(self._at))
        self.refresh()
        self._show_chosen()

    def move(self, by: int) -> None:
        self.choose(self._chosen + by)

    def choose(self, number: int) -> None:
        """Selects a row by its number; beyond the ends, the first or the last."""
        if not self.rows:
            return
        before, self._chosen = self._chosen, max(0, min(number, len(self.rows) - 1))
        for row in {before, self._chosen}:
            self.refresh_lines(self._first_lines[row], self.rows[row].n_lines)
        self._show_chosen()

    @property
    def rows_on_a_page(self) -> int:
        height = max(self.scrollable_content_region.height, 1)
        lines = self.rows[self._chosen].n_lines if self.rows else 1
        return max(height // lines - 1, 1)

    @property
    def region_of_chosen(self) -> Region:
        """Where the selected row's first line is on the screen."""
        inner = self.scrollable_content_region
        y = self._first_lines[self._chosen] - self.scroll_offset.y
        return Region(inner.x, inner.y + y, inner.width, 1)

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        line = y + self.scroll_offset.y
        if line >= len(self._at):
            text = self._nothing if not self.rows and y == 1 else ""
            style = self.get_component_rich_style("listing--detail")
            return Strip([Segment("  " + text, style)]).adjust_cell_length(width, self.rich_style)
        number, part = self._at[line]
        row = self.rows[number]
        if part == 0 or row.hit is None:
            is_open = row.conversation.id == self._open_id
            pieces = title_line(row, width, self._now, is_open, self._words)
        else:
            pieces = snippet_line(row.hit, width, self._words)
        drawn = self._drawn(pieces, number == self._chosen)
        return drawn.adjust_cell_length(width, self.rich_style)

    def on_click(self, event: events.Click) -> None:
        line = event.y - self.gutter.top + self.scroll_offset.y
        if line < len(self._at):
            self.choose(self._at[line][0])
            self.post_message(self.Chosen())

    def _drawn(self, pieces: Sequence[Piece], selected: bool) -> Strip:
        segments = []
        for text, kind in pieces:
            name = kind if not selected else "selected-mark" if kind == "mark" else "selected"
            segments.append(Segment(text, self.get_component_rich_style(f"listing--{name}")))
        return Strip(segments)

    def _show_chosen(self) -> None:
        if self.rows:
            line = self._first_lines[self._chosen]
            self.scroll_to_region(
                Region(0, line, 1, self.rows[self._chosen].n_lines), animate=False, force=True, x_axis=False
            )
