"""The conversation: questions and answers from top to bottom, the latest in view."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from autoglm_lite.chat.attachments import Attachment
from autoglm_lite.chat.prompt import Turn
from tui.conversation.answer import AnswerView
from tui.conversation.message import Handle, MessageView, QuestionView
from tui.conversation.turn import TurnView, past_turn
from tui.conversation.welcome import Welcome
from tui.text import printable
from tui.words.conversation import Words

MOST_MOUNTED = 20
"""Turns that may be on the screen's list at once; each is some twenty widgets of 5 to 100 kB."""
MOST_WIDGETS = 300
"""Of turns that stay when others are mounted beside them."""
AFTER_PRUNING = 10
LOADED_AT_ONCE = 10
MESSAGES_OF_A_TURN = 2
MOVES = ("previous_message", "next_message")
LEVELS = ("h1", "h2", "h3", "h4", "h5", "h6")


class More(Static):
    """Stands for questions that are not shown, above or below the others."""

    class Wanted(Message):
        """The user asks for some of them."""

        def __init__(self, later: bool) -> None:
            super().__init__()
            self.later = later

    def __init__(self, *, later: bool) -> None:
        super().__init__("", markup=False)
        self.display = False
        self._later = later

    def count(self, n: int, said: str, key: str) -> None:
        self.update(said.format(n=n, key=key))
        self.display = n > 0

    def on_click(self) -> None:
        self.post_message(self.Wanted(self._later))


class ConversationView(VerticalScroll):
    """Holds some turns that follow each other, the last ones unless others are asked for.

    It has the focus only while the cursor is in it: then `keys`, from a key to the id of an action, are its own.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"em", "strong", "s", "code", "bullet", "rule", "bar", "heading", *LEVELS}
    """Styles of the text in answers. They are found here and not in each widget, which would be given an object with a
    dozen others for each of them."""

    def __init__(
        self,
        words: Words,
        all_turns: Callable[[], Sequence[Turn]],
        keys: Mapping[str, str],
        key_of: Callable[[str], str],
        handles: Callable[[MessageView], Sequence[Handle]],
    ) -> None:
        super().__init__(can_focus=False)
        self._words = words
        self._all_turns = all_turns
        self._own_keys = keys
        self._key_of = key_of
        """What to press for an action, by its id."""
        self._handles_of = handles
        """What is offered under a picked message."""
        self.first = 0
        """The place of the first mounted turn among all."""
        self.picked: MessageView | None = None
        self.is_browsed = False
        """Whether the cursor is in it."""
        self._steps = 0
        """Messages that the cursor is still to be moved by."""
        self._column = Vertical(id="column")
        self._earlier = More(later=False)
        self._later = More(later=True)

    def compose(self) -> ComposeResult:
        with self._column:
            yield self._earlier
            yield self._later

    def on_mount(self) -> None:
        self.anchor()

    @property
    def turns(self) -> list[TurnView]:
        """Those that are mounted."""
        return [child for child in self._column.children if isinstance(child, TurnView)]

    @property
    def messages(self) -> list[MessageView]:
        """Those that are mounted."""
        return [message for turn in self.turns for message in turn.messages]

    def turn_of(self, message: MessageView) -> TurnView:
        return message.query_ancestor(TurnView)

    @property
    def n_later(self) -> int:
        """Turns after those that are mounted."""
        return max(0, len(self._all_turns()) - self.first - len(self.turns))

    async def resume(self) -> None:
        """Shows the last turns."""
        await self._put(max(0, len(self._all_turns()) - LOADED_AT_ONCE), len(self._all_turns()))
        self.anchor()

    async def show_earlier(self) -> None:
        """Mounts some turns above the others; those far below go. What was in view stays there."""
        if self.first:
            views = self.turns
            with self.app.batch_update():
                await self._mount_earlier()
                self._lay_out(views[0] if views else None, top=True)

    async def show_later(self) -> None:
        """The same downwards; the first of them is in view."""
        if self.n_later:
            number = self.first + len(self.turns)
            with self.app.batch_update():
                await self._mount_later()
                self._lay_out(self.turns[number - self.first])

    async def _mount_earlier(self) -> None:
        views, start = self.turns, max(0, self.first - LOADED_AT_ONCE)
        earlier = [past_turn(turn, self._words) for turn in self._all_turns()[start : self.first]]
        self.release_anchor()
        await self._column.mount_all(earlier, before=views[0] if views else self._later)
        self.first = start
        await self._remove(views[_n_kept(views, MOST_MOUNTED - len(earlier)) :])
        self._count()

    async def _mount_later(self) -> None:
        views, start = self.turns, self.first + len(self.turns)
        later = [past_turn(turn, self._words) for turn in self._all_turns()[start : start + LOADED_AT_ONCE]]
        self.release_anchor()
        await self._column.mount_all(later, before=self._later)
        n_gone = len(views) - _n_kept(views[::-1], MOST_MOUNTED - len(later))
        await self._remove(views[:n_gone])
        self.first += n_gone
        self._count()

    async def go_to(self, number: int) -> TurnView | None:
        """The turn with this place among all, mounted; None if there is none."""
        n_turns = len(self._all_turns())
        if not self.first <= number < self.first + len(self.turns):
            if not 0 <= number < n_turns:
                return None
            start = max(0, min(number - LOADED_AT_ONCE // 2, n_turns - LOADED_AT_ONCE))
            self.release_anchor()
            await self._put(start, min(n_turns, start + LOADED_AT_ONCE))
        return self.turns[number - self.first]

    async def to_end(self) -> None:
        if self.n_later:
            await self.resume()
        self.anchor()

    async def cut_after(self, turn: TurnView) -> None:
        """Takes away the turns after this one."""
        views = self.turns
        await self._remove(views[views.index(turn) + 1 :])
        self._later.display = False

    async def cut_from(self, turn: TurnView) -> None:
        """Takes away this turn and those after it."""
        views = self.turns
        await self._remove(views[views.index(turn) :])
        self._later.display = False

    async def show_from(self, number: int) -> TurnView | None:
        """Shows the turns from this one on anew, since another branch is open now."""
        views = self.turns[number - self.first :]
        turns = self._all_turns()[number : number + max(1, MOST_MOUNTED - (number - self.first))]
        fresh = [past_turn(turn, self._words) for turn in turns]
        self.release_anchor()
        with self.app.batch_update():
            await self._column.mount_all(fresh, before=self._later)
            await self._remove(views)
        self._count()
        return fresh[0] if fresh else None

    def offer_again(self) -> None:
        """What can be done with the picked message may have changed."""
        self.pick(self.picked)

    async def add_turn(self, question: str, attachments: Sequence[Attachment] = ()) -> TurnView:
        """A new question with an empty answer, in view."""
        await self._column.query(Welcome).remove()
        view = TurnView(QuestionView(question, attachments=attachments), AnswerView(self._words))
        await self._column.mount(view, before=self._later)
        self.anchor()
        return view

    async def say(self, text: str, *, failed: bool = False, before: TurnView | None = None) -> None:
        """Something that is no part of the conversation, at its end or before a turn."""
        notice = Static(printable(text), markup=False, classes="notice")
        notice.set_class(failed, "failed")
        await self._column.mount(notice, before=before or self._later)
        self.anchor()

    async def show_welcome(self, welcome: Welcome) -> None:
        """In place of any other."""
        await self._column.query(Welcome).remove()
        await self._column.mount(welcome, before=self._later)

    async def add_to_welcome(self, line: Widget) -> None:
        """Below what the welcome says, if there is one."""
        for welcome in self._column.query(Welcome):
            await welcome.mount(line)

    async def prune(self) -> None:
        """Takes the oldest turns away when there are many."""
        turns = self.turns
        if len(turns) > MOST_MOUNTED and self.is_vertical_scroll_end:
            await self._remove(turns[:-AFTER_PRUNING])
            self.first += len(turns) - AFTER_PRUNING
        self._count()

    async def clear(self) -> None:
        self.pick(None)
        kept = (self._earlier, self._later)
        await self._column.remove_children([child for child in self._column.children if child not in kept])
        self.first = 0
        self._count()

    @property
    def first_in_view(self) -> int:
        """The place of the first turn of which something is to be seen, among all."""
        seen = (n for n, turn in enumerate(self.turns) if turn.virtual_region.bottom > self.scroll_y + 1)
        return self.first + next(seen, 0)

    def bring_line(self, widget: Widget, line: int) -> None:
        """Scrolls so that this line of a widget is to be seen."""
        self.release_anchor()
        y, inside = line, widget
        while inside is not self and isinstance(inside.parent, Widget):
            y, inside = y + inside.virtual_region.y, inside.parent
        self.scroll_to(y=max(0, y - self.size.height // 3), animate=False, immediate=True)

    def pick(self, message: MessageView | None) -> None:
        """Marks a message, in place of the one before; None: no one."""
        if self.picked is not None and self.picked is not message:
            self.picked.pick(())
        self.picked = message
        if message is not None:
            message.pick(self._handles_of(message))

    def browse(self) -> None:
        """Puts the cursor on the picked message, or on the last."""
        messages = self.messages
        if not messages:
            return
        self.can_focus = self.is_browsed = True
        self.focus(scroll_visible=False)
        self.look_at(self.picked or messages[-1])

    def move(self, by: int) -> None:
        """Picks the message so many further down, mounted or not, once it can be drawn: where keys come faster, only
        the last is."""
        if not self._steps:
            self.call_after_refresh(self.arrive)
        self._steps += by

    async def arrive(self) -> None:
        """Does at once what `move` was told."""
        by, self._steps = self._steps, 0
        messages = self.messages
        if not by or not messages:
            return
        if self.picked not in messages:
            self.look_at(messages[-1])
            return
        at = MESSAGES_OF_A_TURN * self.first + messages.index(self.picked) + by
        n_messages = MESSAGES_OF_A_TURN * (self.first + len(self.turns) + self.n_later)
        number, which = divmod(min(max(at, 0), n_messages - 1), MESSAGES_OF_A_TURN)
        with self.app.batch_update():
            mounted = self.turns
            if 0 < self.first - number <= LOADED_AT_ONCE:
                await self._mount_earlier()
            elif 0 <= number - self.first - len(mounted) < LOADED_AT_ONCE:
                await self._mount_later()
            turn = await self.go_to(number)
            if turn is None:
                return
            self.look_at(turn.messages[which])
            if self.turns != mounted:
                self._lay_out(self.picked)

    def look_at(self, message: MessageView | None) -> None:
        """Picks it and brings its beginning into view."""
        self.pick(message)
        if message is None:
            return
        if message is self.messages[-1] and not self.n_later:
            self.anchor()
        else:
            self.release_anchor()
            self.call_after_refresh(self._bring, message)

    def _lay_out(self, widget: Widget | None, *, top: bool = False) -> None:
        """Within a batch, so that nothing is drawn before `widget` is in view: else something else is seen where it
        was."""
        self.screen._refresh_layout()
        if widget is not None:
            top = top or widget.outer_size.height > self.size.height
            self.scroll_to_widget(widget, animate=False, top=top, immediate=True)
            self.screen._refresh_layout(scroll=True)

    def on_blur(self) -> None:
        self.can_focus = self.is_browsed = False
        self.pick(None)

    async def on_key(self, event: events.Key) -> None:
        if self.is_browsed and (action := self._own_keys.get(event.key)) is not None:
            event.stop()
            event.prevent_default()
            if action not in MOVES:
                await self.arrive()
            await self.run_action(f"app.do('{action}')")

    @on(MessageView.Clicked)
    def _clicked(self, event: MessageView.Clicked) -> None:
        event.stop()
        self.pick(event.view)

    @on(More.Wanted)
    async def _show_more(self, event: More.Wanted) -> None:
        event.stop()
        await (self.show_later() if event.later else self.show_earlier())

    async def _put(self, start: int, end: int) -> None:
        """Mounts these turns in place of all."""
        self.pick(None)
        await self._column.remove_children(self.turns)
        self.first = start
        views = [past_turn(turn, self._words) for turn in self._all_turns()[start:end]]
        await self._column.mount_all(views, before=self._later)
        self._count()

    async def _remove(self, views: Sequence[TurnView]) -> None:
        if self.picked is not None and any(self.picked in view.messages for view in views):
            self.pick(None)
        await self._column.remove_children(views)

    def _count(self) -> None:
        self._earlier.count(self.first, self._words.earlier, self._key_of("show_earlier"))
        self._later.count(self.n_later, self._words.later, self._key_of("to_end"))

    def _bring(self, message: MessageView) -> None:
        if message is self.picked and message.is_attached:
            top = message.outer_size.height > self.size.height
            self.scroll_to_widget(message, animate=False, top=top, immediate=True)
            self._forget_unseen()

    def _forget_unseen(self) -> None:
        """Drops the lines of what was seen before: Textual keeps each, with all that was ever cut out of it."""
        for part in self._column.query(Static):
            if not self.region.overlaps(part.region):
                part._styles_cache.clear()


def _n_kept(views: Sequence[TurnView], most: int) -> int:
    """How many of `views`, the first ones, stay: one at least."""
    n_widgets = 0
    for n, view in enumerate(views[:most]):
        n_widgets += len(view.query("*"))
        if n_widgets > MOST_WIDGETS:
            return max(1, n)
    return min(most, len(views))
