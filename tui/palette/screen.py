"""The palette: every action, found by some letters of its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Resize
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tui.actions.action import Action
from tui.palette.offers import fuzzy, line
from tui.words import Words


class Palette(ModalScreen["str | None"]):
    """Ends with the id of the action to run, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "give_up", show=False),
        Binding("down", "step(1)", show=False, priority=True),
        Binding("up", "step(-1)", show=False, priority=True),
        Binding("pagedown", "step(8)", show=False, priority=True),
        Binding("pageup", "step(-8)", show=False, priority=True),
    ]

    def __init__(self, actions: Sequence[Action], words: Words) -> None:
        super().__init__()
        self._offered = actions
        self._said = words

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Input(placeholder=self._said.palette.placeholder)
            yield OptionList()
            yield Static(self._said.palette.nothing, classes="nothing", markup=False)

    def on_mount(self) -> None:
        self.query_one(OptionList).can_focus = False

    def on_resize(self, event: Resize) -> None:
        self.call_after_refresh(self._list)

    @on(Input.Changed)
    def _list(self) -> None:
        options = self.query_one(OptionList)
        found = fuzzy(self.query_one(Input).value, self._offered, self._said)
        n_word = max((cell_len(action.word) + 1 for action in found), default=0)
        width = options.scrollable_content_region.width - 2
        options.set_options(Option(line(action, self._said, width, n_word), id=action.id) for action in found)
        options.highlighted = 0 if found else None
        options.display = bool(found)
        self.query_one(".nothing").display = not found

    @on(Input.Submitted)
    def _take(self) -> None:
        option = self.query_one(OptionList).highlighted_option
        if option is not None:
            self.dismiss(option.id)

    @on(OptionList.OptionSelected)
    def _click(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)

    def action_step(self, by: int) -> None:
        options = self.query_one(OptionList)
        if options.option_count:
            at = (options.highlighted or 0) + by
            last = options.option_count - 1
            # Single steps go round, pages stop at the ends.
            options.highlighted = at % (last + 1) if abs(by) == 1 else min(max(at, 0), last)

    def action_give_up(self) -> None:
        self.dismiss(None)
