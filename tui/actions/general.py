"""The app itself."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tui.actions.action import Action

if TYPE_CHECKING:
    from tui.app import ChatApp

SECONDS_FOR_SECOND_PRESS = 2.0


async def quit_app(app: ChatApp) -> None:
    await app.end()


async def interrupt(app: ChatApp) -> None:
    """Ctrl+C: copies what is selected, else stops the answer, else quits when pressed twice."""
    selected = app.screen.get_selected_text() or app.prompt.selected_text
    if selected:
        await app.copy(selected, app.words.conversation.copied_selection)
    elif app.asking.is_busy:
        await app.asking.stop()
    elif time.monotonic() - app.interrupted < SECONDS_FOR_SECOND_PRESS:
        await app.end()
    else:
        app.interrupted = time.monotonic()
        app.keys.remark(app.words.general.quit_again.format(key=app.keymap.key_of("interrupt")))


ACTIONS = (
    Action("quit", lambda words: words.general.quit, quit_app, ("ctrl+q",), "quit", 3),
    Action("interrupt", lambda words: words.general.interrupt, interrupt, ("ctrl+c",)),
)
