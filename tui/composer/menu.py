"""The small list above the box: commands or files that fit what is being typed."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

MOST_CELLS = 98
"""As wide as the box may be."""


class Menu(OptionList):
    """Never has the focus: the box steers it while one types on."""

    def __init__(self) -> None:
        super().__init__()
        self.can_focus = False

    @property
    def is_open(self) -> bool:
        """Whether there is something to choose."""
        return bool(self.display) and self.highlighted is not None

    @property
    def chosen(self) -> str | None:
        """The id of the line that is marked."""
        option = self.highlighted_option if self.is_open else None
        return None if option is None else option.id

    @property
    def n_cells(self) -> int:
        """Cells that a line may have."""
        return max(16, min(self.app.size.width, MOST_CELLS) - 5)

    def offer(self, lines: Sequence[tuple[str, Content]]) -> None:
        """Shows `lines`, each with its id; none closes the list."""
        self.set_options(Option(content, id=name) for name, content in lines)
        self.highlighted = 0 if lines else None
        self.display = bool(lines)

    def say(self, text: str) -> None:
        """A line that cannot be chosen: keys are the box's."""
        self.set_options([Option(Content(text), disabled=True)])
        self.highlighted = None
        self.display = True

    def close(self) -> None:
        self.display = False

    def step(self, by: int) -> None:
        if self.option_count:
            self.highlighted = ((self.highlighted or 0) + by) % self.option_count
