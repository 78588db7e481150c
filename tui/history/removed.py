"""What was deleted since the app began, to be brought back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoglm_lite.chat.history import Conversation
from tui.history.kept import Draft

if TYPE_CHECKING:
    from tui.app import ChatApp


@dataclass(frozen=True, slots=True)
class Removal:
    conversation: Conversation
    was_open: bool
    """Whether it was on the desk."""
    draft: Draft
    """What was to be asked in it."""


class Removed:
    """The last one deleted comes back first."""

    def __init__(self) -> None:
        self._all: list[Removal] = []

    def __bool__(self) -> bool:
        return bool(self._all)

    async def remove(self, app: ChatApp, conversation: Conversation) -> None:
        """Deletes it; a new one is on the desk if it was there. Raises HistoryError."""
        was_open = app.desk.conversation is not None and app.desk.conversation.id == conversation.id
        if was_open:
            # An answer that is being written ends first, and is kept with the rest.
            await app.show(None)
        await asyncio.to_thread(app.desk.history.delete, conversation.id)
        draft = await asyncio.to_thread(app.drafting.drafts.take, conversation.id)
        self._all.append(Removal(conversation, was_open, draft))

    async def restore(self, app: ChatApp) -> Conversation | None:
        """Brings the last one back, to the desk if it was there; None if there is none. Raises HistoryError."""
        if not self._all:
            return None
        last = self._all[-1]
        await asyncio.to_thread(app.desk.history.restore, last.conversation.id)
        self._all.pop()
        await asyncio.to_thread(app.drafting.drafts.keep, last.conversation.id, last.draft)
        if last.was_open:
            await app.show(last.conversation)
        return last.conversation
