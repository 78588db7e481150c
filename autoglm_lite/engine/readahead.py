"""A model file read into the page cache, in order and in large pieces, ahead of llama.cpp, which maps it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from types import TracebackType

from autoglm_lite.engine.progress import LoadShare

PIECE_BYTES = 1 << 20
"""Between two looks at whether to go on: a thirtieth of a second on a slow disk."""
AHEAD_BYTES = 16 << 20
"""Asked of the disk at once. A disk has enough to do with a few megabytes, and memory is short where this matters."""
ASKED_BYTES = 128 << 10
"""Of one request: the kernel silently cuts it to the disk's readahead, which is seldom less."""
SECONDS_BETWEEN = 0.1
"""Looks at what llama.cpp itself reads."""


class ReadAhead:
    """While it is entered, a thread reads. llama.cpp maps the file with MAP_POPULATE, which takes the pages as they
    come but tells nothing, and by then its vocabulary is read: a quarter of a second that the disk would be idle for.

    A file that is in memory already costs a lookup for each request, 20 ms for a gigabyte, beside llama.cpp's own work.
    """

    def __init__(self, path: str, share: LoadShare, on_progress: Callable[[float], None], *, fits: bool) -> None:
        """`on_progress` is called on the thread, not any more after the end. Where the file does not fit into memory
        (`fits`), what is read early would be gone again when it is mapped: so it is only told how far llama.cpp is."""
        self._path = path
        self._share = share
        self._on_progress = on_progress
        self._fits = fits
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="read ahead", daemon=True)

    def __enter__(self) -> ReadAhead:
        if hasattr(os, "posix_fadvise"):
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Returns when nothing more will be read or told; may be called twice."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        # What cannot be read here llama.cpp cannot read either, and says so.
        with suppress(OSError):
            file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                self._read(file) if self._fits else self._look_on()
            finally:
                os.close(file)

    def _read(self, file: int) -> None:
        began, n_bytes = perf_counter(), self._share.n_bytes
        asked = 0
        for end in (*range(PIECE_BYTES, n_bytes, PIECE_BYTES), n_bytes):
            while asked < min(n_bytes, end + AHEAD_BYTES):
                os.posix_fadvise(file, asked, ASKED_BYTES, os.POSIX_FADV_WILLNEED)
                asked += ASKED_BYTES
            # Comes when the piece does, without copying it.
            os.pread(file, 1, end - 1)
            if self._ended.is_set():
                return
            self._on_progress(self._share.read(end, perf_counter() - began))

    def _look_on(self) -> None:
        began, before = perf_counter(), _bytes_read()
        while not self._ended.wait(SECONDS_BETWEEN):
            done = min(_bytes_read() - before, self._share.n_bytes)
            self._on_progress(self._share.read(done, perf_counter() - began))


def _bytes_read() -> int:
    """By this process from disks, since its start. Raises OSError."""
    for line in Path("/proc/self/io").read_text().splitlines():
        if line.startswith("read_bytes:"):
            return int(line.split()[1])
    return 0
