"""The client of a worker process: what the shell, the terminal app and the server hold."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path
from types import TracebackType

from autoglm_lite.errors import LoadError, PromptTooLongError, WorkerDiedError
from autoglm_lite.generation import Event, Finished, GenerateRequest, LoadedModel, Prefill, Text
from autoglm_lite.planning.plan import Plan
from autoglm_lite.worker.connection import Connection
from autoglm_lite.worker.process import load_failure, start_child
from autoglm_lite.worker.protocol import Cancel, Generate, Load, Loaded, LoadProgress, Tokenize, Tokens

MAX_TEXT = 8_000_000
"""Characters: more than a context of a million tokens holds, and a frame of the protocol when all are escaped."""


class Worker:
    """One model in a child process of its own; belongs to one asyncio loop.

    When the child dies, whatever waits on it raises WorkerDiedError with the reason; the next `load` starts another.
    One request runs at a time, others wait their turn.
    """

    def __init__(self, log_path: Path | None = None) -> None:
        self._log_path = log_path
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()
        self._ids = itertools.count(1)
        self._generating: int | None = None
        """The id of the running Generate."""
        self.loaded: LoadedModel | None = None
        """The model in memory; None before a load and after a death."""

    async def __aenter__(self) -> Worker:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def pid(self) -> int | None:
        """The child's process id, while it lives."""
        return None if self._connection is None else self._connection.pid

    async def load(self, plan: Plan, on_progress: Callable[[float], None] | None = None) -> LoadedModel:
        """Loads `plan`'s model instead of any other; `on_progress` gets the share done, 0 to 1.

        Raises LoadError, or WorkerDiedError.
        """
        async with self._turn:
            self.loaded = None
            if self._connection is None:
                self._connection = await Connection.open(start_child(self._log_path), self._lost)
            connection = self._connection
            try:
                async for reply in connection.ask(next(self._ids), Load(plan)):
                    if isinstance(reply, Loaded):
                        self.loaded = reply.model
                    elif isinstance(reply, LoadProgress) and on_progress is not None:
                        on_progress(reply.share)
            except LoadError as error:
                reason = load_failure(connection.log_path)
                raise LoadError(f"{error} It says: {reason}." if reason else str(error)) from error
        assert self.loaded is not None
        return self.loaded

    async def tokenize(self, text: str, *, templated: bool) -> list[int]:
        """Token ids as a prompt would have them (see GenerateRequest.templated)."""
        _check_size(text)
        ids: list[int] = []
        async with self._turn:
            async for reply in self._alive().ask(next(self._ids), Tokenize(text, templated)):
                if isinstance(reply, Tokens):
                    ids = reply.ids
        return ids

    async def generate(self, request: GenerateRequest) -> AsyncGenerator[Event, None]:
        """The events of one answer: Prefill, then Text, then one Finished.

        Closing the generator early cancels the answer and waits until the child has stopped computing.
        Raises PromptTooLongError, UsageError, LoadError, or WorkerDiedError.
        """
        _check_size(request.prompt)
        async with self._turn:
            connection, self._generating = self._alive(), next(self._ids)
            try:
                async with aclosing(connection.ask(self._generating, Generate(request))) as replies:
                    async for reply in replies:
                        if isinstance(reply, Prefill | Text | Finished):
                            yield reply
            finally:
                self._generating = None

    async def cancel(self) -> None:
        """Ends the running answer: its generator finishes soon with reason `cancelled`."""
        if self._generating is not None and self._connection is not None:
            self._connection.send(self._generating, Cancel())

    async def close(self) -> None:
        """Ends the child."""
        self.loaded = None
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.close()

    def _alive(self) -> Connection:
        if self._connection is None:
            raise WorkerDiedError("No model is loaded.")
        return self._connection

    def _lost(self) -> None:
        self._connection = None
        self.loaded = None


def _check_size(text: str) -> None:
    if len(text) > MAX_TEXT:
        raise PromptTooLongError(
            f"The prompt is {len(text):,} characters long, more than any context holds: shorten it."
        )
