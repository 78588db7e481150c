"""The client's end of the socket to one living child."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from pathlib import Path

from autoglm_lite.errors import WorkerDiedError
from autoglm_lite.planning.plan import Plan
from autoglm_lite.worker.process import ChildProcess, death_sentence, device_failed
from autoglm_lite.worker.protocol import (
    CANCELLABLE,
    LENGTH,
    MAX_FRAME,
    Cancel,
    Failed,
    Load,
    Reply,
    Request,
    decode,
    encode,
    is_last,
)

SECONDS_TO_EXIT = 10.0
"""How long a child may take to end after its socket has closed."""
SECONDS_TO_REST = 10.0
"""How long a cancelled answer may take to end: far more than the longest node of a graph takes on an old machine."""


STUCK = "The model did not come to rest after an answer was stopped, so its process was ended: ask again."


class Connection:
    """Sends requests to a child and hands each its replies; ends with the child."""

    def __init__(
        self,
        child: ChildProcess,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        on_lost: Callable[[bool], None],
    ) -> None:
        self._child = child
        self._reader = reader
        self._writer = writer
        self._on_lost = on_lost
        self._inboxes: dict[int, asyncio.Queue[Reply]] = {}
        self._killed = False
        """By us, since it did not come to rest."""
        self._plan: Plan | None = None
        """Of the model last asked for."""
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, child: ChildProcess, on_lost: Callable[[bool], None]) -> Connection:
        """`on_lost` is called once if the child ends by itself, and told whether a device was the reason."""
        reader, writer = await asyncio.open_connection(sock=child.connection, limit=MAX_FRAME)
        return cls(child, reader, writer, on_lost)

    @property
    def pid(self) -> int:
        return self._child.process.pid

    @property
    def log_path(self) -> Path:
        return self._child.log_path

    def send(self, request_id: int, request: Request) -> None:
        self._writer.write(encode(request_id, request))

    async def ask(self, request_id: int, request: Request) -> AsyncGenerator[Reply, None]:
        """The replies to one request up to its last; a Failed one is raised as its error.

        Closed early, an answer or a measurement is cancelled, and its end awaited: the next request finds the child at
        rest. A child that does not come to rest is killed.
        """
        if isinstance(request, Load):
            self._plan = request.plan
        inbox = self._inboxes[request_id] = asyncio.Queue()
        self.send(request_id, request)
        reply: Reply | None = None
        try:
            while reply is None or not is_last(reply):
                reply = await inbox.get()
                if isinstance(reply, Failed):
                    raise reply.error()
                yield reply
        finally:
            try:
                if isinstance(request, CANCELLABLE) and (reply is None or not is_last(reply)):
                    self.send(request_id, Cancel())
                    await self._rest(inbox)
            finally:
                del self._inboxes[request_id]

    async def close(self) -> None:
        """Ends the child and waits for it; whatever still waits on it fails with WorkerDiedError."""
        self._reading.cancel()
        # Not awaited itself: whoever is cancelled meanwhile is to notice it.
        await asyncio.wait((self._reading,))
        self._fail_all("The model was unloaded before it had answered.")
        await self._hang_up()

    async def _rest(self, inbox: asyncio.Queue[Reply]) -> None:
        """Waits for the last reply to a cancelled request; whoever waits may be cancelled too."""
        unless_it_rests = asyncio.get_running_loop().call_later(SECONDS_TO_REST, self._kill)
        try:
            while not is_last(await inbox.get()):
                pass
        finally:
            unless_it_rests.cancel()

    def _kill(self) -> None:
        self._killed = True
        self._child.process.kill()

    async def _read(self) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError, ValueError):
            while True:
                (length,) = LENGTH.unpack(await self._reader.readexactly(LENGTH.size))
                request_id, message = decode(await self._reader.readexactly(length))
                inbox = self._inboxes.get(request_id)
                if inbox is not None:
                    inbox.put_nowait(message)  # type: ignore[arg-type]
        returncode = await self._hang_up()
        log_path, plan = self._child.log_path, self._plan
        by_device = plan is not None and bool(plan.devices) and device_failed(log_path)
        sentence = _device_sentence(plan) if plan and by_device else death_sentence(returncode, log_path)
        self._on_lost(by_device)
        self._fail_all(STUCK if self._killed else sentence)

    def _fail_all(self, sentence: str) -> None:
        for inbox in self._inboxes.values():
            inbox.put_nowait(Failed(WorkerDiedError.__name__, sentence))

    async def _hang_up(self) -> int:
        """Closes the socket, which ends the child; kills one that does not. Returns its return code."""
        self._writer.close()
        process = self._child.process
        try:
            return await asyncio.to_thread(process.wait, SECONDS_TO_EXIT)
        except subprocess.TimeoutExpired:
            process.kill()
            return await asyncio.to_thread(process.wait)


def _device_sentence(plan: Plan) -> str:
    names = " or ".join(part.name for part in plan.devices)
    return (
        f"The connection to {names}, where {plan.gpu_layers} of the model's layers were, is lost:"
        " ask again, and this computer answers alone if it can hold the model."
    )
