"""Attends the server while it runs: tells systemd how it fares, ends it after long rest, and its answers at the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from autoglm_lite.service.notify import Notifier
from autoglm_lite.service.watchdog import watch
from autoglm_lite.worker.client import Worker

SECONDS_OF_REST = 300.0
"""Without a request and a model in memory, after which a service that systemd starts again at the next request ends:
then it costs nothing at all."""
SECONDS_TO_FINISH = 3.0
"""For the answers under way when the service stops; then they end with an error."""


class State(Protocol):
    """Of uvicorn's server."""

    total_requests: int
    tasks: set[asyncio.Task[None]]


class Server(Protocol):
    @property
    def server_state(self) -> State: ...

    def end(self) -> None:
        """Has it stop as for SIGTERM."""


@dataclass(frozen=True, slots=True)
class Models:
    """What the attendant has to do with them."""

    workers: Callable[[], Iterable[Worker]]
    """Of those in memory, or being loaded."""
    close: Callable[[], Awaitable[None]]


class Attendant:
    """Belongs to the server's event loop."""

    def __init__(self, models: Models, notifier: Notifier, on_ready: Callable[[], None], rest: float | None) -> None:
        """`rest`: seconds of rest after which the server is ended; None: never."""
        self._models = models
        self._notifier = notifier
        self._on_ready = on_ready
        self._rest = rest
        self._server: Server | None = None
        self._n_requests = 0
        self._since = time.monotonic()
        """When it was last seen at work."""
        self._tasks: set[asyncio.Task[None]] = set()

    def ready(self, server: Server) -> None:
        self._server = server
        self._notifier.ready()
        self._on_ready()
        if self._notifier.watchdog_seconds is not None or self._rest is not None:
            self._tasks.add(asyncio.create_task(watch(self._models.workers, self._notifier, self._look)))

    def stopping(self) -> None:
        self._notifier.stopping()
        self._tasks.add(asyncio.create_task(self._end_answers()))

    async def close(self) -> None:
        """Once the server has stopped."""
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self._models.close()

    def _look(self) -> None:
        if self._server is None or self._rest is None:
            return
        state = self._server.server_state
        if state.total_requests != self._n_requests or state.tasks or any(True for _ in self._models.workers()):
            self._n_requests, self._since = state.total_requests, time.monotonic()
        elif time.monotonic() - self._since >= self._rest:
            self._server.end()

    async def _end_answers(self) -> None:
        await asyncio.sleep(SECONDS_TO_FINISH)
        await self._models.close()
