"""What is on the desk: the model that answers, and the conversation that is open."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from autoglm_lite.chat.backend import Backend
from autoglm_lite.chat.branches import open_turns
from autoglm_lite.chat.history import Conversation, History
from autoglm_lite.chat.prompt import Turn
from autoglm_lite.chat.setup import ChatSetup

if TYPE_CHECKING:
    from autoglm_lite.chat.session import Session
    from autoglm_lite.worker.watch import Notice

OpenModel = Callable[["str | None"], tuple[ChatSetup, Backend]]
"""Finds a model by its name or path, None for the one that the command line names, and makes its plan; runs in a
thread. Raises AutoglmError."""


@dataclass(frozen=True, slots=True)
class Opened:
    setup: ChatSetup
    model: Backend


class Desk:
    """Belongs to one event loop. Nothing is opened until `open` is called, and nothing is loaded before `load`."""

    def __init__(self, open_model: OpenModel, history: History, conversation: Conversation | None = None) -> None:
        self._open_model = open_model
        self._conversation = conversation
        """The one that is open, until there is a session."""
        self._loading: asyncio.Task[None] | None = None
        self.history = history
        self.opened: Opened | None = None
        self.session: Session | None = None

    @property
    def conversation(self) -> Conversation | None:
        """None for a new one without a question."""
        return self._conversation if self.session is None else self.session.conversation

    @property
    def turns(self) -> list[Turn]:
        """Of the conversation that is open."""
        if self.session is not None:
            return self.session.turns
        found = self._conversation
        return [] if found is None else open_turns(self.history, found.id)

    @property
    def n_ctx(self) -> int | None:
        """Tokens of the context; None while no model is opened."""
        return None if self.opened is None else self.opened.setup.n_ctx

    @property
    def loaded(self) -> bool:
        return self.opened is not None and self.opened.model.loaded

    @property
    def pid(self) -> int | None:
        """Of the process that has the model in memory, where that is known."""
        return None if self.opened is None else self.opened.model.pid

    @property
    def load_ended(self) -> bool:
        """Whether a load was tried, and is over."""
        return self._loading is not None and self._loading.done()

    async def open(self, name: str | None = None) -> Opened:
        """Another model for the same conversation; the one before is closed once this one is found. Raises
        AutoglmError, and then all is as it was."""
        setup, model = await asyncio.to_thread(self._open_model, name)
        conversation, before = self.conversation, self.opened
        self.opened = Opened(setup, model)
        self._loading = None
        self.begin(conversation)
        await _close(before)
        return self.opened

    def begin(self, conversation: Conversation | None) -> None:
        """Another conversation, None for a new one. Raises HistoryError."""
        self._conversation = conversation
        if self.opened is not None:
            from autoglm_lite.chat.session import Session

            self.session = Session(self.opened.model, replace(self.opened.setup, conversation=conversation))

    def renamed(self, conversation: Conversation) -> None:
        """Another title for the one that is open; any other is not looked at."""
        now = self.conversation
        if now is not None and now.id == conversation.id:
            self._conversation = replace(now, title=conversation.title)
            if self.session is not None:
                self.session.conversation = self._conversation

    async def load(self, on_progress: Callable[[float], None], on_notice: Callable[[str], None]) -> None:
        """Returns once the opened model is in memory; loads it if it never was or if its process has died. Whoever
        comes while it is being loaded waits for that. Raises AutoglmError."""
        if self._loading is None or (self._loading.done() and not self.loaded):
            self._loading = asyncio.create_task(self._load(on_progress, on_notice))
        await asyncio.shield(self._loading)

    async def watch(self, tell: Callable[[Notice], Awaitable[None]]) -> None:
        if self.opened is not None:
            await self.opened.model.watch(tell)

    async def close(self) -> None:
        await _close(self.opened)

    async def _load(self, on_progress: Callable[[float], None], on_notice: Callable[[str], None]) -> None:
        opened = self.opened
        assert opened is not None
        await opened.model.load(on_progress, on_notice)
        n_ctx = opened.model.n_ctx
        self.opened = replace(opened, setup=replace(opened.setup, n_ctx=n_ctx))
        if self.session is not None:
            self.session.use(n_ctx)


async def _close(opened: Opened | None) -> None:
    if opened is not None:
        await opened.model.close()
        if opened.setup.template is not None:
            await asyncio.to_thread(opened.setup.template.close)
