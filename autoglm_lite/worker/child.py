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
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from autoglm_lite.engine.engine import Engine
from autoglm_lite.errors import AutoglmError, LoadError
from autoglm_lite.worker.protocol import (
    LENGTH,
    MAX_FRAME,
    Cancel,
    Failed,
    Generate,
    Load,
    Loaded,
    LoadProgress,
    Message,
    Tokenize,
    Tokens,
    decode,
    encode,
)

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
        self._inbox: queue.SimpleQueue[tuple[int, Message]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._generating: int | None = None
        self._cancelled: set[int] = set()

    def read(self) -> None:
        """The reader thread. Ends the process when the client has gone: there is nobody left to compute for."""
        with suppress(OSError, ValueError):
            for request_id, message in frames(self._stream.read):
                if isinstance(message, Cancel):
                    self._cancel(request_id)
                else:
                    self._inbox.put((request_id, message))
        os._exit(0)

    def run(self) -> None:
        """The main thread."""
        while True:
            request_id, message = self._inbox.get()
            try:
                self._answer(request_id, message)
            except AutoglmError as error:
                self._send(request_id, Failed.of(error))

    def _answer(self, request_id: int, message: Message) -> None:
        if isinstance(message, Load):
            self._load(request_id, message)
        elif isinstance(message, Tokenize):
            engine = self._loaded_engine()
            self._send(request_id, Tokens(engine.tokenize(message.text, templated=message.templated)))
        elif isinstance(message, Generate):
            self._generate(request_id, message)

    def _load(self, request_id: int, message: Load) -> None:
        if self._engine is not None:
            self._engine.close()
            self._engine = None
        shown = -1.0

        def progress(share: float) -> None:
            nonlocal shown
            if share - shown >= 0.01 or share >= 1.0:
                shown = share
                self._send(request_id, LoadProgress(share))

        self._engine = Engine(message.plan, progress)
        self._send(request_id, Loaded(self._engine.loaded))

    def _generate(self, request_id: int, message: Generate) -> None:
        engine = self._loaded_engine()
        with self._lock:
            engine.reset_cancel()
            self._generating = request_id
            if request_id in self._cancelled:
                engine.cancel()
        try:
            for event in engine.generate(message.request):
                self._send(request_id, event)
        finally:
            with self._lock:
                self._generating = None
                self._cancelled.discard(request_id)

    def _cancel(self, request_id: int) -> None:
        with self._lock:
            if self._generating == request_id and self._engine is not None:
                self._engine.cancel()
            elif self._generating is None or request_id > self._generating:
                self._cancelled.add(request_id)

    def _loaded_engine(self) -> Engine:
        if self._engine is None:
            raise LoadError("No model is loaded.")
        return self._engine

    def _send(self, request_id: int, message: Message) -> None:
        try:
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
