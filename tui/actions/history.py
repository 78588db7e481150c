"""All conversations."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from autoglm_lite.errors import AutoglmError
from tui.actions.action import Action

if TYPE_CHECKING:
    from tui.app import ChatApp
    from tui.history.screen import Chosen


AT_ONCE = 100
"""Conversations that are shown before the others are read: more than any screen has lines."""


async def list_all(app: ChatApp) -> None:
    from tui.history.opening import open_row
    from tui.history.row import Row
    from tui.history.screen import HistoryScreen

    def go_on(chosen: Chosen) -> None:
        if isinstance(chosen, Row):
            app.run_worker(open_row(app, chosen))
        elif chosen == "new":
            app.run_worker(app.show(None))

    try:
        latest = await asyncio.to_thread(app.desk.history.conversations, AT_ONCE)
    except AutoglmError as error:
        await app.conversation.say(str(error), failed=True)
        return
    app.push_screen(HistoryScreen(app, latest), go_on)


def export(app: ChatApp) -> None:
    from tui.history.export import export_dialog

    conversation = app.desk.conversation
    if conversation is None:
        app.keys.remark(app.words.history.nothing_to_export)
        return
    export_dialog(app, conversation, lambda said: app.run_worker(app.conversation.say(said)))


async def undo_delete(app: ChatApp) -> None:
    words = app.words.history
    try:
        back = await app.removed.restore(app)
    except AutoglmError as error:
        await app.conversation.say(str(error), failed=True)
        return
    app.keys.remark(words.nothing_to_undo if back is None else words.restored.format(title=back.title))


ACTIONS = (
    Action("conversations", lambda words: words.history.list_all, list_all, ("ctrl+o",), "list", 8),
    Action("export", lambda words: words.history.export, export, ("ctrl+e",), "export", 9),
    Action("undo_delete", lambda words: words.history.undo_delete, undo_delete, (), "undelete", bound=False),
)
