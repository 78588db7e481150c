"""From a row of the list to the conversation on the desk."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from autoglm_lite.errors import AutoglmError
from tui.history.row import Row

if TYPE_CHECKING:
    from autoglm_lite.chat.history import Hit
    from tui.app import ChatApp


async def open_row(app: ChatApp, row: Row) -> None:
    """Its end, or the message that was found. What fails is said in the conversation that is open."""
    history, hit = app.desk.history, row.hit
    try:
        opened = app.desk.conversation
        if opened is None or opened.id != row.conversation.id or not app.asking.is_busy:
            if hit is not None and hit.message_id is not None:
                await asyncio.to_thread(history.select, row.conversation.id, hit.message_id)
            await app.show(await asyncio.to_thread(history.get, row.conversation.id))
        if hit is not None:
            await reveal(app, hit)
    except AutoglmError as error:
        await app.conversation.say(str(error), failed=True)


async def reveal(app: ChatApp, hit: Hit) -> None:
    """Brings what was found into view, and marks it and its message until something is written."""
    turns = app.turns
    number = next((i for i, turn in enumerate(turns) if hit.message_id in (turn.question_id, turn.answer_id)), None)
    if number is None or (view := await app.conversation.go_to(number)) is None:
        return
    message = view.asked if turns[number].question_id == hit.message_id else view.answer
    app.conversation.pick(message)
    if not hit.marked:
        app.conversation.look_at(message)
    for start, end in hit.marked[:1]:
        await app.find_line.point(hit.snippet[start:end], number, message.kind)
