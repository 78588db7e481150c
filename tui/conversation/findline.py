"""The line in which one looks for something in this conversation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, Static

from autoglm_lite.chat.prompt import Turn
from tui.conversation.finding import Match, find
from tui.conversation.marking import Marks, line_at
from tui.conversation.message import Kind
from tui.conversation.view import ConversationView
from tui.words.conversation import Words

SECONDS_TO_TYPE_ON = 0.15
"""After a letter, until what was typed so far is looked for."""

SECONDS_TO_LAY_OUT = 0.05


class FindLine(Horizontal):
    """Hidden until `open`; `close` takes its marks away."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "step(1)", show=False),
        Binding("up,shift+enter", "step(-1)", show=False),
        Binding("escape", "leave", show=False),
    ]

    def __init__(
        self,
        words: Words,
        view: ConversationView,
        all_turns: Callable[[], Sequence[Turn]],
        leave: Callable[[], object],
    ) -> None:
        super().__init__()
        self.display = False
        self._words = words
        self._view = view
        self._all_turns = all_turns
        self._leave = leave
        self._marks = Marks()
        self._matches: list[Match] = []
        self._at = 0
        self._wanted = ""
        self._soon: Timer | None = None
        self._field = Input(placeholder=words.find_what, compact=True, select_on_focus=True)
        self._count = Static("", markup=False, classes="count")

    def compose(self) -> ComposeResult:
        yield Static(self._words.find_label, markup=False, classes="label")
        yield self._field
        yield self._count

    def open(self) -> None:
        self.display = True
        self._field.focus()
        self._say()

    def close(self) -> None:
        """What was looked for is kept for the next time."""
        self.display = False
        self._marks.clear()
        self._matches, self._wanted = [], ""

    async def point(self, wanted: str, turn: int, kind: Kind) -> None:
        """Marks `wanted` in that message and scrolls to it, without opening the line; there it can be gone on with."""
        self._field.value = self._wanted = wanted
        self._matches = find(self._all_turns(), wanted)
        places = [at for at, match in enumerate(self._matches) if (match.turn, match.kind) == (turn, kind)]
        if places:
            self._at = places[0]
            await self._go(tries=20)

    async def step(self, by: int) -> None:
        """To the next match or the one before, around the ends."""
        if self._wanted != self._field.value:
            await self._look()
        elif self._matches:
            self._at = (self._at + by) % len(self._matches)
            await self._go()

    async def action_step(self, by: int) -> None:
        await self.step(by)

    def action_leave(self) -> None:
        self._leave()

    @on(Input.Submitted)
    async def _next(self, event: Input.Submitted) -> None:
        event.stop()
        await self.step(1)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self._soon is not None:
            self._soon.stop()
        self._soon = self.set_timer(SECONDS_TO_TYPE_ON, self._look)

    async def _look(self) -> None:
        if not self.display or self._wanted == self._field.value:
            return
        self._wanted = self._field.value
        self._matches = find(self._all_turns(), self._wanted)
        first = self._view.first_in_view
        self._at = next((at for at, match in enumerate(self._matches) if match.turn >= first), 0)
        await self._go()

    async def _go(self, tries: int = 0) -> None:
        """Shows the match that it is at."""
        self._say()
        self._marks.clear()
        if not self._matches:
            return
        match = self._matches[self._at]
        turn = await self._view.go_to(match.turn)
        if turn is None:
            return
        message = turn.asked if match.kind == "question" else turn.answer
        found = self._marks.put(message, self._wanted, match.nth)
        if found is not None:
            self.call_after_refresh(self._bring, *found, tries)

    def _bring(self, widget: Widget, place: int, tries: int) -> None:
        if not widget.is_attached:
            return
        self._view.bring_line(widget, line_at(widget, place))
        if tries and not self._view.region.overlaps(widget.region):
            # Not laid out to its end yet, as after another conversation was put up.
            self.set_timer(SECONDS_TO_LAY_OUT, lambda: self._bring(widget, place, tries - 1))

    def _say(self) -> None:
        n = len(self._matches)
        none = self._words.find_none if self._wanted else ""
        self._count.update(f"{self._at + 1}/{n}" if n else none)
