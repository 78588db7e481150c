"""The client of a worker process: what the shell, the terminal app and the server hold."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from types import TracebackType

from autoglm_lite.embedding import Embedded, Reranked
from autoglm_lite.errors import DeviceError, LoadError, NoRoomError, PromptTooLongError, WorkerDiedError
from autoglm_lite.generation import Event, Finished, GenerateRequest, LoadedModel, Prefill, Text, Waiting
from autoglm_lite.hardware.devices import Device
from autoglm_lite.hardware.process import process_memory
from autoglm_lite.hardware.room import read_room
from autoglm_lite.measurement import ChunkScores, Collected, InputsOf, LayersCompared, Scored, TokensRead
from autoglm_lite.planning.memory import Sizes
from autoglm_lite.planning.plan import Plan
from autoglm_lite.worker.connection import Connection
from autoglm_lite.worker.process import load_failure, start_child
from autoglm_lite.worker.protocol import (
    AskSizes,
    Cancel,
    Detokenize,
    Detokenized,
    Devices,
    Embed,
    Freed,
    Generate,
    ListDevices,
    Load,
    Loaded,
    LoadProgress,
    Measured,
    Measurement,
    Ping,
    PlanSizes,
    Reply,
    Rerank,
    ServeDevices,
    Serving,
    SetEffort,
    ShedContext,
    Tokenize,
    Tokens,
)
from autoglm_lite.worker.turns import Turns

MAX_TEXT = 8_000_000
"""Characters: more than a context of a million tokens holds, and a frame of the protocol when all are escaped."""


class Worker:
    """One model in a child process of its own; belongs to one asyncio loop.

    When the child dies, whatever waits on it raises WorkerDiedError with the reason; the next `load` starts another.
    Answers may be asked for at the same time; as many as the plan has are written together, the others wait. Everything
    else waits for their end.
    """

    def __init__(self, log_path: Path | None = None, states: Path | None = None) -> None:
        """`states`: the folder in which what the model has read is kept, to go on from there after a restart."""
        self._log_path = log_path
        self._states = states
        self._connection: Connection | None = None
        self._turns = Turns()
        self._loading = asyncio.Lock()
        self._ids = itertools.count(1)
        self._answering: dict[int, GenerateRequest] = {}
        """What is being answered, or waits for that, by the id of the Generate."""
        self._cancelled: set[int] = set()
        self._loaded: LoadedModel | None = None
        self._is_loaded = asyncio.Event()
        self._wanted: tuple[Plan, Callable[[float], None] | None] | None = None
        """The arguments of the last load."""
        self._shed: int | None = None
        """Of a model that `shed_model` has unloaded, to be loaded again by the next request: the bytes it needs."""
        self._rested = time.monotonic()
        """When the last request ended."""
        self.context_bytes = 0
        """Of memory, that the context takes; 0 after it was shed."""
        self.lost_device = False
        """Whether the last child died because a device did that its model was on."""

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

    @property
    def loaded(self) -> LoadedModel | None:
        """The model in memory; None before a load, after a death, and after `shed_model`."""
        return self._loaded

    @loaded.setter
    def loaded(self, model: LoadedModel | None) -> None:
        self._loaded = model
        self.context_bytes = 0 if model is None else model.context_bytes
        if model is None:
            self._is_loaded.clear()
        else:
            self._is_loaded.set()

    @property
    def plan(self) -> Plan | None:
        """Of the model in memory."""
        return None if self._loaded is None or self._wanted is None else self._wanted[0]

    @property
    def seconds_idle(self) -> float | None:
        """Since the end of the last request; None while there is one."""
        return None if self._turns.taken else time.monotonic() - self._rested

    async def until_loaded(self) -> None:
        """Returns once there is a model in memory."""
        await self._is_loaded.wait()

    async def load(self, plan: Plan, on_progress: Callable[[float], None] | None = None) -> LoadedModel:
        """Loads `plan`'s model instead of any other; `on_progress` gets the share done, 0 to 1.

        Raises LoadError, DeviceError for a device that cannot be used, or WorkerDiedError.
        """
        async with self._in_turn():
            return await self._load(plan, on_progress)

    async def sizes(self, plan: Plan) -> Sizes | None:
        """What llama.cpp would take for `plan`, without loading it: 0.2 s and more with a large vocabulary. None where
        it cannot be asked.

        Raises LoadError, or WorkerDiedError.
        """
        sizes = None
        async with self._in_turn():
            async for reply in (await self._started()).ask(next(self._ids), AskSizes(plan)):
                if isinstance(reply, PlanSizes):
                    sizes = reply.sizes
        return sizes

    async def devices(self, rpc: Sequence[str]) -> tuple[Device, ...]:
        """What a model can be put on beside the processor: devices of the servers `rpc` (each HOST:PORT), and this
        computer's. Raises DeviceError for a server that cannot be used, or WorkerDiedError."""
        found: tuple[Device, ...] = ()
        async with self._turns.alone():
            connection = await self._started()
            async for reply in connection.ask(next(self._ids), ListDevices(tuple(rpc))):
                if isinstance(reply, Devices):
                    found = reply.devices
        return found

    async def serve_devices(self, host: str, port: int, threads: int, on_serving: Callable[[Serving], None]) -> None:
        """Lets other computers compute on this one, at an IPv4 address, until the worker is closed or cancelled.

        `on_serving` is called once with what is offered. Raises LoadError when the address cannot be had, or
        WorkerDiedError.
        """
        async with self._turns.alone():
            connection = await self._started()
            async for reply in connection.ask(next(self._ids), ServeDevices(host, port, threads)):
                if isinstance(reply, Serving):
                    on_serving(reply)

    async def tokenize(self, text: str, *, templated: bool, add_special: bool | None = None) -> list[int]:
        """Token ids as a prompt would have them (see GenerateRequest.templated), or with and without what the
        vocabulary puts around a text as `add_special` says."""
        _check_size(text)
        ids: list[int] = []
        async with self._in_turn(shared=True):
            connection = await self._ready()
            async for reply in connection.ask(next(self._ids), Tokenize(text, templated, add_special)):
                if isinstance(reply, Tokens):
                    ids = reply.ids
        return ids

    async def detokenize(self, ids: Sequence[int]) -> str:
        """The text of tokens, with the names of control tokens. Raises UsageError for an id that no token has."""
        text = ""
        async with self._in_turn(shared=True):
            connection = await self._ready()
            async for reply in connection.ask(next(self._ids), Detokenize(list(ids))):
                if isinstance(reply, Detokenized):
                    text = reply.text
        return text

    async def generate(self, request: GenerateRequest) -> AsyncGenerator[Event, None]:
        """The events of one request: Waiting while others come first, Prefill, then Text, then a Finished for each of
        its choices.

        Closing the generator early cancels the answer and waits until the child has stopped computing it.
        Raises PromptTooLongError, BusyError, UsageError, LoadError, or WorkerDiedError.
        """
        _check_size(request.prompt)
        request_id = next(self._ids)
        self._answering[request_id] = request
        try:
            async with self._in_turn(shared=True):
                connection = await self._ready()
                if request_id in self._cancelled:
                    for choice in range(request.n):
                        yield Finished("cancelled", 0, 0, 0, 0.0, 0.0, choice, request.n - choice - 1)
                    return
                async with aclosing(connection.ask(request_id, Generate(request))) as replies:
                    async for reply in replies:
                        if isinstance(reply, Prefill) and self.loaded is not None:
                            self.context_bytes = self.loaded.context_bytes
                        if isinstance(reply, Waiting | Prefill | Text | Finished):
                            yield reply
        finally:
            del self._answering[request_id]
            self._cancelled.discard(request_id)

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """The vectors of all texts, of length 1 each. Cancelled, it waits until the child has stopped computing.

        Raises UsageError for no text or one without a token, PromptTooLongError for one longer than the context,
        LoadError for a model that makes no embeddings, AutoglmError, or WorkerDiedError.
        """
        whole = Embedded([], [])
        async with aclosing(self._results(Embed(list(texts)), texts)) as parts:
            async for part in parts:
                if isinstance(part, Embedded):
                    whole.vectors.extend(part.vectors)
                    whole.n_tokens.extend(part.n_tokens)
        return whole

    async def rerank(self, query: str, documents: Sequence[str]) -> Reranked:
        """How well each document answers the query; likewise."""
        whole = Reranked([], [])
        async with aclosing(self._results(Rerank(query, list(documents)), [query, *documents])) as parts:
            async for part in parts:
                if isinstance(part, Reranked):
                    whole.scores.extend(part.scores)
                    whole.n_tokens.extend(part.n_tokens)
        return whole

    async def _results(self, request: Embed | Rerank, texts: Sequence[str]) -> AsyncGenerator[Reply, None]:
        if sum(map(len, texts)) > MAX_TEXT:
            raise PromptTooLongError(
                f"The texts have more than {MAX_TEXT:,} characters together: send fewer at a time."
            )
        async with self._in_turn():
            connection = await self._ready()
            async with aclosing(connection.ask(next(self._ids), request)) as replies:
                async for reply in replies:
                    if self.loaded is not None:
                        self.context_bytes = self.loaded.context_bytes
                    yield reply

    async def measure(
        self, request: Measurement, on_progress: Callable[[TokensRead], None] | None = None
    ) -> AsyncGenerator[Measured, None]:
        """The results of a measurement (see worker/measuring.py). Its plan is loaded for this alone: any other model is
        unloaded. Raises LoadError, UsageError, AutoglmError, or WorkerDiedError."""
        _check_size(request.text)
        async with self._in_turn(), aclosing(self._load_and(request)) as replies:
            async for reply in replies:
                if isinstance(reply, TokensRead):
                    if on_progress is not None:
                        on_progress(reply)
                elif isinstance(reply, InputsOf | Collected | ChunkScores | Scored | LayersCompared):
                    yield reply

    async def cancel(self, request: GenerateRequest) -> None:
        """Ends the answer to this very object: its generator finishes soon with reason `cancelled`."""
        for request_id, answering in self._answering.items():
            if answering is request:
                self._cancelled.add(request_id)
                if self._connection is not None:
                    self._connection.send(request_id, Cancel())

    async def shed_context(self) -> int:
        """Has an idle model give its KV cache back until the next answer; what it had read is kept on disk first where
        that pays. Returns how many bytes that freed, 0 where a request is under way. Raises WorkerDiedError."""
        if self._turns.taken or self.loaded is None:
            return 0
        freed = 0
        async with self._turns.alone():
            async for reply in self._alive().ask(next(self._ids), ShedContext()):
                if isinstance(reply, Freed):
                    freed = reply.n_bytes
            self.context_bytes = 0
        return freed

    async def shed_model(self) -> int:
        """Ends the child of an idle model, so that all its memory returns; the next request loads the model again, with
        the progress of the last load. Returns how many bytes that freed, 0 where a request is under way."""
        if self._turns.taken or self.loaded is None or self.pid is None:
            return 0
        freed = process_memory(self.pid)[1]
        needed = freed + self.loaded.context_bytes - self.context_bytes
        async with self._turns.alone():
            await self.close()
            self._shed = needed
        return freed

    async def ping(self) -> None:
        """Returns once the child's process has answered, which it does at once, whatever it computes. Raises
        WorkerDiedError."""
        async with aclosing(self._alive().ask(next(self._ids), Ping())) as replies:
            async for _ in replies:
                pass

    def set_effort(self, threads: int, nice: int) -> None:
        """From the next token on, also of a running answer: at most so many threads; `nice` (0 to 19) is added to
        the niceness that the process was given."""
        if self._connection is not None:
            self._connection.send(next(self._ids), SetEffort(threads, nice))

    async def close(self) -> None:
        """Ends the child."""
        self.loaded = None
        self._shed = None
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.close()

    async def _load_and(self, request: Load | Measurement) -> AsyncGenerator[Reply, None]:
        """The replies to a request that loads a model, from a child that is started if there is none."""
        self.loaded, self.lost_device = None, False
        connection = await self._started()
        try:
            async with aclosing(connection.ask(next(self._ids), request)) as replies:
                async for reply in replies:
                    yield reply
        except DeviceError:
            raise
        except LoadError as error:
            reason = load_failure(connection.log_path)
            raise LoadError(f"{error} It says: {reason}." if reason else str(error)) from error

    async def _started(self) -> Connection:
        if self._connection is None:
            self._connection = await Connection.open(start_child(self._log_path), self._lost)
        return self._connection

    async def _load(self, plan: Plan, on_progress: Callable[[float], None] | None) -> LoadedModel:
        # A child that still loads it, since the last question was given up, has the memory already.
        gone = self._connection is None
        if (
            gone
            and self._shed is not None
            and self._wanted is not None
            and plan.model_path == self._wanted[0].model_path
        ):
            _check_room(self._shed)
        self._wanted = plan, on_progress
        async with aclosing(self._load_and(Load(plan, str(self._states or "")))) as replies:
            async for reply in replies:
                if isinstance(reply, Loaded):
                    self.loaded = reply.model
                elif isinstance(reply, LoadProgress) and on_progress is not None:
                    on_progress(reply.share)
        assert self.loaded is not None
        self._shed = None
        return self.loaded

    async def _ready(self) -> Connection:
        """The child, in which a model that was shed is loaded again."""
        async with self._loading:
            if self._shed is not None and self._wanted is not None:
                await self._load(*self._wanted)
        return self._alive()

    @asynccontextmanager
    async def _in_turn(self, *, shared: bool = False) -> AsyncIterator[None]:
        async with self._turns.shared() if shared else self._turns.alone():
            try:
                yield
            finally:
                self._rested = time.monotonic()

    def _alive(self) -> Connection:
        if self._connection is None:
            raise WorkerDiedError("No model is loaded.")
        return self._connection

    def _lost(self, by_device: bool) -> None:
        self._connection = None
        self.loaded = None
        self.lost_device = by_device


def _check_room(n_bytes: int) -> None:
    """Raises NoRoomError where the kernel would have to end a process that takes so many, even by swapping."""
    room = read_room()
    if room is not None and n_bytes > room.left:
        raise NoRoomError(
            f"There is too little memory now to load the model again: it needs {n_bytes / 1e6:,.0f} MB and"
            f" {room.left / 1e6:,.0f} MB are left. Close other programs and ask again."
        )


def _check_size(text: str) -> None:
    if len(text) > MAX_TEXT:
        raise PromptTooLongError(
            f"The prompt is {len(text):,} characters long, more than any context holds: shorten it."
        )
