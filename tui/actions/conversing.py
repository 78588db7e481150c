"""The conversation that is open."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tui.actions.action import Action

if TYPE_CHECKING:
    from tui.app import ChatApp

SECONDS_FOR_SECOND_PRESS = 2.0


async def stop(app: ChatApp) -> None:
    """Esc: gives up an edit, else stops the answer, while something is being written only when pressed twice."""
    now = time.monotonic()
    if app.editing.view is not None:
        app.editing.give_up()
    elif not app.asking.is_busy:
        app.conversation.pick(None)
    elif not app.prompt.text.strip() or now - app.warned < SECONDS_FOR_SECOND_PRESS:
        app.keys.forget()
        await app.asking.stop()
    else:
        app.warned = now
        app.keys.remark(app.words.conversation.stop_again.format(key=app.keymap.key_of("stop")))


async def new(app: ChatApp) -> None:
    await app.show(None)


async def copy_answer(app: ChatApp) -> None:
    turns = [turn for turn in app.turns if turn.answer]
    text = app.asking.answer_text or (turns[-1].answer if turns else "")
    if text:
        await app.copy(text, app.words.conversation.copied)
    else:
        app.keys.remark(app.words.conversation.nothing_to_copy)


def toggle_thoughts(app: ChatApp) -> None:
    for turn in reversed(app.conversation.turns):
        if turn.answer.toggle_thoughts():
            return


async def show_earlier(app: ChatApp) -> None:
    await app.conversation.show_earlier()


def to_top(app: ChatApp) -> None:
    app.conversation.scroll_home(animate=False)


async def to_end(app: ChatApp) -> None:
    await app.conversation.to_end()


ACTIONS = (
    Action("stop", lambda words: words.conversation.stop, stop, ("escape",), "stop", 2),
    Action("new_conversation", lambda words: words.conversation.new, new, ("ctrl+n",), "new", 4),
    Action("copy_answer", lambda words: words.conversation.copy_answer, copy_answer, ("ctrl+y",), "copy", 6),
    Action("toggle_thoughts", lambda words: words.conversation.toggle_thoughts, toggle_thoughts, ("ctrl+t",), "", 7),
    Action("show_earlier", lambda words: words.conversation.show_earlier, show_earlier, ("ctrl+l",), "earlier"),
    Action("to_top", lambda words: words.conversation.to_top, to_top, ("ctrl+home",)),
    Action("to_end", lambda words: words.conversation.to_end, to_end, ("ctrl+end",)),
)
