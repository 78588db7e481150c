"""The running service as the backend of a face, and a worker of our own where it cannot be one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

from autoglm_lite.chat.backend import Backend, Footprint, Place
from autoglm_lite.errors import AutoglmError, UnknownModelError
from autoglm_lite.generation import Event, GenerateRequest
from autoglm_lite.remote.answer import AnswerSoFar
from autoglm_lite.remote.client import Client, NotLetInError
from autoglm_lite.remote.http import GONE, Address, ServiceGoneError
from autoglm_lite.remote.memory import worker_of

if TYPE_CHECKING:
    from autoglm_lite.worker.watch import Notice

NOT_SERVED = "The running service cannot be asked any more: the model is loaded here."
WAY_OUT = (ServiceGoneError, NotLetInError, UnknownModelError)
"""Of a service that cannot be asked for this model."""


class ServiceBackend:
    """One model of the service that runs. Belongs to one event loop."""

    def __init__(self, find: Callable[[], Address | None], name: str, file: Path, n_ctx: int) -> None:
        """`name`: what the service calls the model of `file`. `n_ctx`: what is expected until the service says it."""
        self._find = find
        self._name = name
        self._file = file
        self._n_ctx = n_ctx
        self._client: Client | None = None
        """Of the service that has loaded the model for us."""
        self._answering: dict[int, asyncio.Task[None]] = {}
        """By the id of the request."""

    @property
    def place(self) -> Place:
        return "service"

    @property
    def n_ctx(self) -> int:
        return self._n_ctx

    @property
    def loaded(self) -> bool:
        return self._client is not None and self._client.address.alive

    @property
    def pid(self) -> int | None:
        return None if self._client is None else worker_of(self._client.address.pid, self._file)

    async def footprint(self, *, idle: bool) -> Footprint:
        """The service does not say how it has planned."""
        return Footprint()

    async def load(self, on_progress: Callable[[float], None], on_notice: Callable[[str], None]) -> None:
        """Has the service load it. Raises ServiceGoneError, NotLetInError, UnknownModelError, or AutoglmError."""
        address = await asyncio.to_thread(self._find)
        if address is None:
            raise ServiceGoneError(GONE)
        client = Client(address)
        if self._name not in {model.name for model in await client.models()}:
            raise UnknownModelError(f"The running service has no model called {self._name}.")
        await client.tokenize(self._name, "Hello", templated=False)
        self._n_ctx = next(
            (model.n_ctx for model in await client.models() if model.name == self._name and model.n_ctx), self._n_ctx
        )
        self._client = client

    async def watch(self, tell: Callable[[Notice], Awaitable[None]]) -> None:
        """The service does that itself."""
        await asyncio.Event().wait()

    async def generate(self, request: GenerateRequest, /) -> AsyncGenerator[Event, None]:
        """Closing the generator has the service stop the answer. Raises ServiceGoneError, WorkerDiedError, or
        AutoglmError."""
        client, so_far = self._asked(), AnswerSoFar()
        events: asyncio.Queue[Event | AutoglmError | None] = asyncio.Queue()

        async def take() -> None:
            try:
                async with aclosing(client.generate(self._name, request, self.n_ctx, so_far)) as coming:
                    async for event in coming:
                        events.put_nowait(event)
            except AutoglmError as error:
                events.put_nowait(error)

        def ended(task: asyncio.Task[None]) -> None:
            if task.cancelled():
                events.put_nowait(so_far.cancelled())
            events.put_nowait(None)

        taking = self._answering[id(request)] = asyncio.create_task(take())
        taking.add_done_callback(ended)
        try:
            while (event := await events.get()) is not None:
                if isinstance(event, AutoglmError):
                    raise self._failed(event)
                yield event
        finally:
            del self._answering[id(request)]
            taking.cancel()
            await asyncio.wait([taking])

    async def tokenize(self, text: str, /, *, templated: bool) -> list[int]:
        try:
            return await self._asked().tokenize(self._name, text, templated=templated)
        except AutoglmError as error:
            raise self._failed(error) from error

    async def cancel(self, request: GenerateRequest, /) -> None:
        """Ends the answer to this very object, and its connection, by which the service knows."""
        if (taking := self._answering.get(id(request))) is not None:
            taking.cancel()

    async def unload(self) -> int:
        """The service does that itself: others may be asking it."""
        return 0

    async def close(self) -> None:
        self._client = None

    def _asked(self) -> Client:
        if self._client is None:
            raise ServiceGoneError(GONE)
        return self._client

    def _failed(self, error: AutoglmError) -> AutoglmError:
        """After some the model must be looked for again."""
        if isinstance(error, WAY_OUT):
            self._client = None
        return error


class ServiceFirst:
    """The running service as long as it can be asked, then a worker of our own. Belongs to one event loop."""

    def __init__(self, service: ServiceBackend, make_local: Callable[[Callable[[str], None]], Backend]) -> None:
        """`make_local` plans the model, which may take a second, and gives out sentences for the user."""
        self._service = service
        self._make_local = make_local
        self._now: Backend = service
        self._is_local = asyncio.Event()

    @property
    def place(self) -> Place:
        return self._now.place

    @property
    def n_ctx(self) -> int:
        return self._now.n_ctx

    @property
    def loaded(self) -> bool:
        return self._now.loaded

    @property
    def pid(self) -> int | None:
        return self._now.pid

    async def footprint(self, *, idle: bool) -> Footprint:
        return await self._now.footprint(idle=idle)

    async def load(self, on_progress: Callable[[float], None], on_notice: Callable[[str], None]) -> None:
        """Raises AutoglmError: a service that has too little memory for the model leaves none for us either."""
        if self._now is self._service:
            try:
                return await self._service.load(on_progress, on_notice)
            except WAY_OUT:
                on_notice(NOT_SERVED)
            said: list[str] = []
            self._now = await asyncio.to_thread(self._make_local, said.append)
            self._is_local.set()
            for sentence in said:
                on_notice(sentence)
        return await self._now.load(on_progress, on_notice)

    async def watch(self, tell: Callable[[Notice], Awaitable[None]]) -> None:
        await self._is_local.wait()
        await self._now.watch(tell)

    def generate(self, request: GenerateRequest, /) -> AsyncGenerator[Event, None]:
        return self._now.generate(request)

    async def tokenize(self, text: str, /, *, templated: bool) -> list[int]:
        return await self._now.tokenize(text, templated=templated)

    async def cancel(self, request: GenerateRequest, /) -> None:
        await self._now.cancel(request)

    async def unload(self) -> int:
        return await self._now.unload()

    async def close(self) -> None:
        await self._now.close()
