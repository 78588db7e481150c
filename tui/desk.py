"""What is on the desk: the model that answers, and the conversation that is open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from autoglm_lite.chat.backend import Backend
from autoglm_lite.chat.branches import open_turns
from autoglm_lite.chat.history import Conversation, History
from autoglm_lite.chat.prompt import Turn
from autoglm_lite.chat.setup import ChatSetup
from autoglm_lite.generation import Sampling
from autoglm_lite.hardware import process_memory

if TYPE_CHECKING:
    from autoglm_lite.chat.session import Session
    from autoglm_lite.worker.watch import Notice
    from tui.models.shelf import Shelf

OpenModel = Callable[["str | None"], tuple[ChatSetup, Backend]]
"""Finds a model by its name or path, None for the one that the command line names, and makes its plan; runs in a
thread. Raises AutoglmError."""


@dataclass(frozen=True, slots=True)
class Opened:
    setup: ChatSetup
    model: Backend


class Desk:
    """Belongs to one event loop. Nothing is opened until `open` is called, and nothing is loaded before `load`."""

    def __init__(
        self,
        open_model: OpenModel,
        history: History,
        conversation: Conversation | None = None,
        models: Shelf | None = None,
    ) -> None:
        """`models` tells of those that there are to choose from."""
        self._open_model = open_model
        self.models = models
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

    def has(self, path: Path) -> bool:
        """Whether the opened model is the one of this file."""
        return self.opened is not None and self.opened.setup.facts.path.absolute() == path.absolute()

    @property
    def held(self) -> int:
        """Bytes that would be free without the model that is loaded: what is mapped of a file counts as free
        already."""
        ours = self.opened is not None and self.opened.model.place != "service"
        return process_memory(self.pid)[1] if ours and self.pid is not None else 0

    async def open(self, name: str | None = None) -> Opened:
        """The first model, or another one for the same conversation. Raises AutoglmError, and then all is as it
        was."""
        async with self.changing(name) as opened:
            return opened

    @asynccontextmanager
    async def changing(self, name: str | None) -> AsyncIterator[Opened]:
        """Another model for the same conversation, in the memory of the one before. Leaving with an error puts that one
        back, which is loaded again when it is asked for; leaving without closes it. Raises AutoglmError."""
        before = self.opened
        if before is not None:
            await self._make_room(before)
        opened = self._put(await self._find(name))
        try:
            yield opened
        except BaseException:
            if before is not None:
                await self._give_up_loading()
                self._put(before)
                await _close(opened)
            raise
        await _close(before)

    async def unload(self) -> int:
        """Has a model at rest give its memory back; it is loaded again when it is asked for. Returns how many bytes
        that freed."""
        return 0 if self.opened is None else await self.opened.model.unload()

    async def _find(self, name: str | None) -> Opened:
        finding = asyncio.ensure_future(asyncio.to_thread(self._open_model, name))
        try:
            return Opened(*await asyncio.shield(finding))
        except asyncio.CancelledError:
            # The thread goes on; what it opens is nobody's.
            finding.add_done_callback(_drop)
            raise

    async def _make_room(self, opened: Opened) -> None:
        if opened.model.loaded:
            await opened.model.unload()
        elif self._loading is not None and not self._loading.done():
            await self._give_up_loading()
            await opened.model.close()

    async def _give_up_loading(self) -> None:
        if self._loading is not None and not self._loading.done():
            self._loading.cancel()
            await asyncio.wait([self._loading])

    def _put(self, opened: Opened) -> Opened:
        conversation = self.conversation
        self.opened = opened
        self._loading = None
        self.begin(conversation)
        return opened

    def begin(self, conversation: Conversation | None) -> None:
        """Another conversation, None for a new one. Raises HistoryError."""
        self._conversation = conversation
        if self.opened is not None:
            from autoglm_lite.chat.session import Session

            self.session = Session(self.opened.model, replace(self.opened.setup, conversation=conversation))

    def behave(self, system: str | None, sampling: Sampling, thinking: bool | None) -> None:
        """From the next question on, in this conversation and those that are begun with this model; see Session."""
        if self.opened is not None:
            changed = replace(self.opened.setup, system=system, sampling=sampling, thinking=thinking)
            self.opened = replace(self.opened, setup=changed)
        if self.session is not None:
            self.session.behave(system, sampling, thinking)

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


def _drop(finding: asyncio.Future[tuple[ChatSetup, Backend]]) -> None:
    if not finding.cancelled() and finding.exception() is None:
        setup, _ = finding.result()
        if setup.template is not None:
            asyncio.get_running_loop().run_in_executor(None, setup.template.close)
