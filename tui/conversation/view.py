"""The conversation: questions and answers from top to bottom, the latest in view."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from autoglm_lite.chat.prompt import Turn
from tui.conversation.answer import AnswerView
from tui.conversation.welcome import Welcome
from tui.text import printable
from tui.words.conversation import Words

MOST_MOUNTED = 20
"""Turns that may be on the screen's list at once; each is some ten widgets of 5 to 50 kB."""
AFTER_PRUNING = 10
LOADED_AT_ONCE = 10


class TurnView(Vertical):
    """A question and its answer."""

    def __init__(self, question: str, answer: AnswerView) -> None:
        super().__init__()
        self.question = question
        self.answer = answer

    def compose(self) -> ComposeResult:
        yield Static(printable(self.question), markup=False, classes="question")
        yield self.answer


class Earlier(Static):
    """Stands for the questions that are not shown."""

    class Wanted(Message):
        """The user asks for some of them."""

    def on_click(self) -> None:
        self.post_message(self.Wanted())


class ConversationView(VerticalScroll):
    """Holds the last turns only; earlier ones are mounted when they are asked for."""

    def __init__(self, words: Words) -> None:
        super().__init__(can_focus=False)
        self._words = words
        self._column = Vertical(id="column")
        self._earlier = Earlier("", markup=False)
        self._earlier.display = False

    def compose(self) -> ComposeResult:
        with self._column:
            yield self._earlier

    def on_mount(self) -> None:
        self.anchor()

    @property
    def turns(self) -> list[TurnView]:
        return [child for child in self._column.children if isinstance(child, TurnView)]

    async def resume(self, turns: Sequence[Turn]) -> None:
        """Shows the last of `turns`."""
        shown = turns[-LOADED_AT_ONCE:]
        await self._column.mount_all([past_turn(turn, self._words) for turn in shown])
        self.count_earlier(len(turns) - len(shown))

    async def show_earlier(self, turns: Sequence[Turn]) -> None:
        """Mounts some of `turns`, which are those not shown, above the others."""
        if not turns:
            return
        first = next(iter(self.turns), None)
        views = [past_turn(turn, self._words) for turn in turns[-LOADED_AT_ONCE:]]
        self.release_anchor()
        await self._column.mount_all(views, before=first)
        self.count_earlier(len(turns) - len(views))
        if first is not None:
            # What was in view stays there; the earlier turns are above it.
            self.call_after_refresh(self.scroll_to_widget, first, animate=False, top=True)

    async def add_turn(self, question: str) -> TurnView:
        """A new question with an empty answer, in view."""
        await self._column.query(Welcome).remove()
        view = TurnView(question, AnswerView(self._words))
        await self._column.mount(view)
        self.anchor()
        return view

    async def say(self, text: str, *, failed: bool = False, before: TurnView | None = None) -> None:
        """Something that is no part of the conversation, at its end or before a turn."""
        notice = Static(printable(text), markup=False, classes="notice")
        notice.set_class(failed, "failed")
        await self._column.mount(notice, before=before)
        self.anchor()

    async def show_welcome(self, welcome: Welcome) -> None:
        """In place of any other."""
        await self._column.query(Welcome).remove()
        await self._column.mount(welcome)

    async def add_to_welcome(self, line: Widget) -> None:
        """Below what the welcome says, if there is one."""
        for welcome in self._column.query(Welcome):
            await welcome.mount(line)

    async def prune(self) -> int:
        """Takes the oldest turns away when there are many; returns how many."""
        turns = self.turns
        if len(turns) <= MOST_MOUNTED or not self.is_vertical_scroll_end:
            return 0
        old = turns[:-AFTER_PRUNING]
        await self._column.remove_children(old)
        return len(old)

    def count_earlier(self, n: int) -> None:
        """Says that `n` questions are not shown."""
        self._earlier.update(self._words.earlier.format(n=n))
        self._earlier.display = n > 0

    async def clear(self) -> None:
        await self._column.remove_children([child for child in self._column.children if child is not self._earlier])
        self.count_earlier(0)


def past_turn(turn: Turn, words: Words) -> TurnView:
    notes = {"complete": "", "stopped": words.stopped, "cut off": words.cut_off}
    note = notes[turn.state] or ("" if turn.answer else words.no_answer)
    return TurnView(turn.question, AnswerView(words, turn.answer, turn.reasoning, note and f"— {note}"))
