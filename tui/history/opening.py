"""From a row of the list to the conversation on the desk."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from autoglm_lite.errors import AutoglmError
from tui.history.row import Row

if TYPE_CHECKING:
    from tui.app import ChatApp


async def open_row(app: ChatApp, row: Row) -> None:
    """Its end, or the message that was found. What fails is said in the conversation that is open."""
    history, message_id = app.desk.history, None if row.hit is None else row.hit.message_id
    try:
        opened = app.desk.conversation
        if opened is None or opened.id != row.conversation.id or not app.asking.is_busy:
            if message_id is not None:
                await asyncio.to_thread(history.select, row.conversation.id, message_id)
            await app.show(await asyncio.to_thread(history.get, row.conversation.id))
        if message_id is not None:
            await reveal(app, message_id)
    except AutoglmError as error:
        await app.conversation.say(str(error), failed=True)


async def reveal(app: ChatApp, message_id: int) -> None:
    """Brings a message into view, under the cursor that moves over messages."""
    turns = app.turns
    number = next((i for i, turn in enumerate(turns) if message_id in (turn.question_id, turn.answer_id)), None)
    if number is None or (view := await app.conversation.go_to(number)) is None:
        return
    message = view.asked if turns[number].question_id == message_id else view.answer
    await message.until_drawn()
    app.conversation.look_at(message)
