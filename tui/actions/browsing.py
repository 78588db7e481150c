"""The cursor in the conversation, and what can be done with the message that it is on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tui.actions.action import Action
from tui.conversation.answer import AnswerView
from tui.conversation.links import links_in
from tui.conversation.message import Handle, MessageView
from tui.conversation.offers import handles

if TYPE_CHECKING:
    from tui.app import ChatApp

KEYS = {
    **dict.fromkeys(("k", "up"), "previous_message"),
    **dict.fromkeys(("j", "down"), "next_message"),
    **dict.fromkeys(("g", "home"), "first_message"),
    **dict.fromkeys(("G", "end"), "last_message"),
    **dict.fromkeys(("escape", "enter"), "to_box"),
    **{"y": "copy_message", "c": "copy_code", "l": "copy_link", "t": "message_thoughts"},
    **{"slash": "find", "n": "find_next", "N": "find_previous"},
}
"""What keys do while the cursor is in the conversation."""


def browse(app: ChatApp) -> None:
    if app.conversation.is_browsed:
        app.conversation.move(-1)
    else:
        app.conversation.browse()


def previous_message(app: ChatApp) -> None:
    app.conversation.move(-1)


def next_message(app: ChatApp) -> None:
    app.conversation.move(1)


async def first_message(app: ChatApp) -> None:
    if await app.conversation.go_to(0) is not None:
        app.conversation.look_at(app.conversation.messages[0])


async def last_message(app: ChatApp) -> None:
    await app.conversation.to_end()
    if app.conversation.messages:
        app.conversation.look_at(app.conversation.messages[-1])


def to_box(app: ChatApp) -> None:
    app.conversation.pick(None)
    app.conversation.anchor()
    app.prompt.focus()


async def copy_message(app: ChatApp) -> None:
    message = app.conversation.picked or _last_answer(app)
    if message is None or not message.source:
        app.keys.remark(app.words.conversation.nothing_to_copy)
    else:
        await app.copy(message.source, app.words.conversation.copied_message)


async def copy_code(app: ChatApp) -> None:
    """The first block of code of the picked answer, or of the last; called again, the next one."""
    answer, words = _answer(app), app.words.conversation
    fence = None if answer is None else answer.next_fence()
    if answer is None or fence is None:
        app.keys.remark(words.no_code)
        return
    app.conversation.release_anchor()
    app.conversation.scroll_to_widget(fence, animate=False)
    number, n_fences = answer.taken
    await app.copy(fence.code, words.copied_code.format(n=number, of=n_fences))


async def copy_link(app: ChatApp) -> None:
    """The address of the first link of the picked message; called again, of the next one."""
    message, words = app.conversation.picked or _last_answer(app), app.words.conversation
    links = [] if message is None else links_in(message.source)
    if message is None or not links:
        app.keys.remark(words.no_links)
        return
    number = message.n_links_taken % len(links)
    message.n_links_taken = number + 1
    await app.copy(links[number], words.copied_link.format(n=number + 1, of=len(links), address=links[number]))


def message_thoughts(app: ChatApp) -> None:
    answer = _answer(app)
    if answer is None or not answer.toggle_thoughts():
        app.keys.remark(app.words.conversation.no_thoughts)
    elif app.conversation.picked is not None and answer.thoughts is not None:
        app.conversation.release_anchor()
        app.conversation.scroll_to_widget(answer.thoughts, animate=False, top=True)


def handles_of(app: ChatApp, message: MessageView) -> Sequence[Handle]:
    """What is offered under a picked message."""
    last = app.conversation.messages[-1:] == [message] and not app.conversation.n_later
    return handles(message, app.words.conversation, keys=app.conversation.is_browsed, last=last)


def _answer(app: ChatApp) -> AnswerView | None:
    """The picked answer, that of the picked question, or the last."""
    picked = app.conversation.picked
    return _last_answer(app) if picked is None else app.conversation.turn_of(picked).answer


def _last_answer(app: ChatApp) -> AnswerView | None:
    answers = [turn.answer for turn in app.conversation.turns if turn.answer.source]
    return answers[-1] if answers else None


ACTIONS = (
    Action("browse", lambda words: words.conversation.browse, browse, ("ctrl+up", "alt+up"), rank=8),
    Action("previous_message", lambda words: words.conversation.previous, previous_message, ("k", "up"), bound=False),
    Action("next_message", lambda words: words.conversation.next, next_message, ("j", "down"), bound=False),
    Action("first_message", lambda words: words.conversation.first, first_message, ("g", "home"), bound=False),
    Action("last_message", lambda words: words.conversation.last, last_message, ("G", "end"), bound=False),
    Action("to_box", lambda words: words.conversation.to_box, to_box, ("escape", "enter"), bound=False),
    Action("copy_message", lambda words: words.conversation.copy_message, copy_message, ("y",), bound=False),
    Action("copy_code", lambda words: words.conversation.copy_code, copy_code, ("c",), "code", bound=False),
    Action("copy_link", lambda words: words.conversation.copy_link, copy_link, ("l",), "link", bound=False),
    Action("message_thoughts", lambda words: words.conversation.toggle_thoughts, message_thoughts, ("t",), bound=False),
)
