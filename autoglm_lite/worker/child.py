"""The worker process: reads requests from its socket, runs the engine, writes events back.

Native code runs on the main thread; a second thread reads, so that a cancel arrives while the first computes and so
that the process ends at once when its client is gone.
"""

from __future__ import annotations

import os
import queue
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from autoglm_lite.engine.devices import list_devices, serve
from autoglm_lite.engine.engine import Engine
from autoglm_lite.engine.inputs import collect_inputs
from autoglm_lite.engine.layers import compare_layers
from autoglm_lite.engine.loading import measure_sizes
from autoglm_lite.engine.reader import Stop
from autoglm_lite.engine.scorer import Scorer
from autoglm_lite.errors import AutoglmError
from autoglm_lite.worker.priority import Priority
from autoglm_lite.worker.protocol import (
    CANCELLABLE,
    LENGTH,
    MAX_FRAME,
    AskSizes,
    Cancel,
    CollectInputs,
    CompareLayers,
    Detokenize,
    Detokenized,
    Devices,
    Embed,
    Failed,
    Freed,
    Generate,
    ListDevices,
    Load,
    Loaded,
    LoadProgress,
    Measured,
    Measurement,
    Message,
    Ping,
    PlanSizes,
    Pong,
    Rerank,
    Score,
    ServeDevices,
    Serving,
    SetEffort,
    ShedContext,
    Tokenize,
    Tokens,
    decode,
    encode,
    is_last,
)
from autoglm_lite.worker.tenant import Tenant

SECONDS_TO_KEEP = 10.0
"""After an answer: who goes on at once is not kept waiting for the disk."""
SECONDS_AT_THE_END = 2.0
"""Of writing what is not kept yet, by estimate: somebody waits for the program to end."""
OOM_SCORE = "1000"


def main(fd: int) -> None:
    """Serves the client at the other end of the socket `fd` until it goes away."""
    with suppress(OSError):
        # When memory runs out, the kernel is to take this process and not the user's desktop.
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)
    connection = socket.socket(fileno=fd)
    child = Child(connection)
    threading.Thread(target=child.read, daemon=True, name="reader").start()
    child.run()


class Child:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._stream = connection.makefile("rb")
        self._inbox: queue.SimpleQueue[tuple[int, Message] | None] = queue.SimpleQueue()
        """None: the client has gone."""
        self._put_off: tuple[int, Message] | None = None
        """A request that waits for the end of all answers."""
        self._resting = False
        """Whether the main thread waits, or keeps what was read while it does."""
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._tenant = Tenant()
        self._scorer = Scorer()
        self._priority = Priority()
        self._stops: dict[int, Callable[[], None] | None] = {}
        """How to cancel each answer or measurement that has not ended; None before it was begun."""
        self._cancelled: set[int] = set()
        """Those of them that were cancelled before they were begun."""

    def read(self) -> None:
        """The reader thread. Ends the process when the client has gone: there is nobody left to compute for."""
        with suppress(OSError, ValueError):
            for request_id, message in frames(self._stream.read):
                if isinstance(message, Cancel):
                    self._cancel(request_id)
                elif isinstance(message, SetEffort):
                    self._set_effort(message)
                elif isinstance(message, Ping):
                    self._send(request_id, Pong())
                else:
                    if isinstance(message, CANCELLABLE):
                        with self._lock:
                            self._stops[request_id] = None
                    self._inbox.put((request_id, message))
        # The last answer may have ended this moment.
        for _ in range(10):
            if self._resting:
                self._inbox.put(None)
                return
            time.sleep(0.01)
        os._exit(0)

    def run(self) -> None:
        """The main thread."""
        while True:
            while (engine := self._tenant.writing) is not None:
                self._take_in()
                self._step(engine)
            request_id, message = self._next()
            self._handle(request_id, message)

    def _take_in(self) -> None:
        """While answers are written: others that can be begun beside them. Whatever else comes waits for their end."""
        while self._put_off is None:
            try:
                request = self._inbox.get_nowait()
            except queue.Empty:
                return
            if request is None or isinstance(request[1], Generate | Tokenize | Detokenize):
                if request is None:
                    os._exit(0)
                self._handle(*request)
            else:
                self._put_off = request

    def _step(self, engine: Engine) -> None:
        for request_id, reply in engine.step():
            last = isinstance(reply, AutoglmError) or is_last(reply)
            if last:
                self._ended(request_id)
            self._send(request_id, Failed.of(reply) if isinstance(reply, AutoglmError) else reply)

    def _handle(self, request_id: int, message: Message) -> None:
        try:
            self._answer(request_id, message)
        except AutoglmError as error:
            self._ended(request_id)
            self._send(request_id, Failed.of(error))

    def _next(self) -> tuple[int, Message]:
        """Waits for a request; in the meantime what was read is kept on disk. Ends the process after the last one."""
        put_off, self._put_off = self._put_off, None
        if put_off is not None:
            return put_off
        self._resting = True
        try:
            request = self._inbox.get(timeout=SECONDS_TO_KEEP)
        except queue.Empty:
            self._tenant.keep(go_on=self._inbox.empty)
            request = self._inbox.get()
        if request is None:
            end = time.monotonic() + SECONDS_AT_THE_END
            self._tenant.keep(SECONDS_AT_THE_END, lambda: time.monotonic() < end)
            os._exit(0)
        self._resting = False
        return request

    def _answer(self, request_id: int, message: Message) -> None:
        if isinstance(message, Load):
            states = Path(message.states) if message.states else None
            self._send(request_id, Loaded(self._tenant.load(message.plan, states, self._progress(request_id))))
        elif isinstance(message, AskSizes):
            self._send(request_id, PlanSizes(measure_sizes(message.plan)))
        elif isinstance(message, ListDevices):
            self._send(request_id, Devices(list_devices(message.rpc)))
        elif isinstance(message, ServeDevices):
            serve(message.host, message.port, message.threads, lambda offered: self._send(request_id, Serving(offered)))
        elif isinstance(message, Tokenize):
            ids = self._tenant.model.tokenize(
                message.text, templated=message.templated, add_special=message.add_special
            )
            self._send(request_id, Tokens(ids))
        elif isinstance(message, Detokenize):
            self._send(request_id, Detokenized(self._tenant.model.detokenize(message.ids)))
        elif isinstance(message, Generate):
            engine = self._tenant.engine
            engine.submit(request_id, message.request)
            self._begun(request_id, lambda: engine.cancel(request_id))
        elif isinstance(message, ShedContext):
            self._send(request_id, Freed(self._tenant.model.shed_context()))
        elif isinstance(message, Embed | Rerank):
            self._embed(request_id, message)
        elif isinstance(message, CollectInputs | Score | CompareLayers):
            self._tenant.unload()
            stop = Stop()
            self._run(request_id, stop.set, self._measure(request_id, message, stop))

    def _embed(self, request_id: int, message: Embed | Rerank) -> None:
        embedder = self._tenant.embedder("embeddings" if isinstance(message, Embed) else "reranking")
        embedder.reset_cancel()
        if isinstance(message, Embed):
            self._run(request_id, embedder.cancel, embedder.embed(message.texts))
        else:
            self._run(request_id, embedder.cancel, embedder.rerank(message.query, message.documents))

    def _measure(self, request_id: int, message: Measurement, stop: Stop) -> Iterator[Measured]:
        plan, text, on_load = message.plan, message.text, self._progress(request_id)
        if isinstance(message, CollectInputs):
            return collect_inputs(plan, text, stop, on_load)
        if isinstance(message, CompareLayers):
            return compare_layers(plan, text, stop, on_load)
        return self._scorer.score(
            plan,
            text,
            stop,
            first_chunk=message.first_chunk,
            base=message.base,
            folder=Path(message.folder),
            on_load=on_load,
        )

    def _progress(self, request_id: int) -> Callable[[float], None]:
        """Sends the share that is loaded, at each per cent."""
        shown = -1.0

        def progress(share: float) -> None:
            nonlocal shown
            if share - shown >= 0.01 or share >= 1.0:
                shown = share
                self._send(request_id, LoadProgress(share))

        return progress

    def _run(self, request_id: int, stop: Callable[[], None], events: Iterable[Message]) -> None:
        """Sends what comes, until the end or until `stop` has been called for it."""
        self._begun(request_id, stop)
        try:
            for event in events:
                self._send(request_id, event)
        finally:
            self._ended(request_id)

    def _begun(self, request_id: int, stop: Callable[[], None]) -> None:
        with self._lock:
            self._stops[request_id] = stop
            if request_id in self._cancelled:
                stop()

    def _ended(self, request_id: int) -> None:
        with self._lock:
            self._stops.pop(request_id, None)
            self._cancelled.discard(request_id)

    def _cancel(self, request_id: int) -> None:
        with self._lock:
            stop = self._stops.get(request_id)
            if stop is not None:
                stop()
            elif request_id in self._stops:
                self._cancelled.add(request_id)

    def _set_effort(self, message: SetEffort) -> None:
        """On the reader thread: a long answer is not to be waited for."""
        if self._tenant.use_threads(message.threads):
            self._priority.lower(message.nice)

    def _send(self, request_id: int, message: Message) -> None:
        try:
            with self._sending:
                self._connection.sendall(encode(request_id, message))
        except OSError:
            os._exit(0)


def frames(read: Callable[[int], bytes]) -> Iterator[tuple[int, Message]]:
    """The messages of a byte stream, until its end. Raises ValueError when it is damaged."""
    while header := read(LENGTH.size):
        if len(header) < LENGTH.size:
            return
        (length,) = LENGTH.unpack(header)
        if length > MAX_FRAME:
            raise ValueError(f"a frame of {length} bytes")
        yield decode(read(length))


if __name__ == "__main__":
    main(int(sys.argv[1]))
