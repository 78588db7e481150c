"""Keeps what is in the box for the conversation that is open, and brings it back with that."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from textual.timer import Timer

from tui.history.drafts import NEW
from tui.history.kept import NONE, Draft, KeptDrafts

if TYPE_CHECKING:
    from tui.app import ChatApp

SECONDS_TO_KEEP = 0.5
"""From a key press to the disk."""


class Drafting:
    def __init__(self, app: ChatApp) -> None:
        self._app = app
        self._timer: Timer | None = None
        self._kept = (NEW, NONE)
        """The draft as it is on disk."""
        self._between = True
        """Whether the box does not belong to what is on the desk, as while another conversation is put there."""
        self.drafts = KeptDrafts(app.desk.history.path.parent)

    @property
    def name(self) -> str:
        found = self._app.desk.conversation
        return NEW if found is None else found.id

    @property
    def _now(self) -> Draft:
        return Draft(self._app.prompt.text, self._app.composer.attachments)

    @property
    def _to_keep(self) -> Draft:
        """What no conversation holds yet: a question that waits for the model, and what is in the box."""
        waiting, here = self._app.asking.waiting, self._now
        if waiting.is_empty:
            return here
        return Draft(f"{waiting.text}\n\n{here.text}".rstrip(), (*waiting.attached, *here.attached))

    def changed(self) -> None:
        """Something was written, attached or taken away."""
        if self._timer is None and not self._between:
            self._timer = self._app.set_timer(SECONDS_TO_KEEP, self._keep)

    async def leave(self) -> None:
        """Before another conversation comes to the desk, and at the end."""
        if not self._between:
            self._between = True
            await self._write(self.name, self._to_keep)

    def arrive(self) -> None:
        """Another conversation is on the desk: its draft comes to the box. A new one without a draft takes what is in
        the box along."""
        self._between = False
        name, here = self.name, self._now
        draft = self.drafts.read(name)
        self._kept, before = (name, draft), self._kept
        if name == NEW and draft.is_empty and not here.is_empty:
            self.drafts.keep(before[0], NONE)
            self.drafts.keep(NEW, here)
            self._kept = (NEW, here)
            return
        if draft.text != here.text:
            self._app.prompt.clear()
            self._app.prompt.put_back(draft.text)
        if draft.attached != here.attached:
            self._app.composer.swap(draft.attached)

    async def _keep(self) -> None:
        self._timer = None
        if not self._between:
            await self._write(self.name, self._to_keep)
        if not self._app.asking.waiting.is_empty:
            # Until it is on disk by itself.
            self.changed()

    async def _write(self, name: str, draft: Draft) -> None:
        before, now = self._kept, (name, draft)
        self._kept = now
        if before[0] != name and before[1] != NONE:
            # The first question has given the new conversation its name.
            await asyncio.to_thread(self.drafts.keep, before[0], NONE)
        if before != now:
            await asyncio.to_thread(self.drafts.keep, name, draft, before[1] if before[0] == name else None)
