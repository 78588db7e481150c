"""Keeps what is in the box for the conversation that is open, and brings it back with that."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from textual.timer import Timer

from tui.history.drafts import NEW, Drafts

if TYPE_CHECKING:
    from tui.app import ChatApp

SECONDS_TO_KEEP = 0.5
"""From a key press to the disk."""


class Drafting:
    def __init__(self, app: ChatApp) -> None:
        self._app = app
        self._timer: Timer | None = None
        self._kept = (NEW, "")
        """The draft as it is on disk."""
        self._between = True
        """Whether the box does not belong to what is on the desk, as while another conversation is put there."""
        self.drafts = Drafts(app.desk.history.path.parent / "drafts")

    @property
    def name(self) -> str:
        found = self._app.desk.conversation
        return NEW if found is None else found.id

    @property
    def _text(self) -> str:
        """What no conversation holds yet: a question that waits for the model, and what is in the box."""
        waiting, here = self._app.asking.waiting, self._app.prompt.text
        return f"{waiting}\n\n{here}".rstrip() if waiting else here

    def changed(self) -> None:
        """Something was written."""
        if self._timer is None and not self._between:
            self._timer = self._app.set_timer(SECONDS_TO_KEEP, self._keep)

    async def leave(self) -> None:
        """Before another conversation comes to the desk, and at the end."""
        if not self._between:
            self._between = True
            await self._write(self.name, self._text)

    def arrive(self) -> None:
        """Another conversation is on the desk: its draft comes to the box. A new one without a draft takes what is in
        the box along."""
        self._between = False
        name, here = self.name, self._app.prompt.text
        text = self.drafts.read(name)
        self._kept, before = (name, text), self._kept
        if name == NEW and not text and here.strip():
            self.drafts.keep(before[0], "")
            self.drafts.keep(NEW, here)
            self._kept = (NEW, here)
        elif text != here:
            self._app.prompt.clear()
            self._app.prompt.put_back(text)

    async def _keep(self) -> None:
        self._timer = None
        if not self._between:
            await self._write(self.name, self._text)
        if self._app.asking.waiting:
            # Until it is on disk by itself.
            self.changed()

    async def _write(self, name: str, text: str) -> None:
        before, now = self._kept, (name, text)
        self._kept = now
        if before[0] != name and before[1]:
            # The first question has given the new conversation its name.
            await asyncio.to_thread(self.drafts.keep, before[0], "")
        if before != now:
            await asyncio.to_thread(self.drafts.keep, name, text)
