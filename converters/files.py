"""Files read by several threads at any offset: opened once each, read rather than mapped."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from autoglm_lite.errors import ConversionError


class Files:
    """The open shards of a checkpoint; `close` must wait until no thread reads any more."""

    def __init__(self, places: Mapping[Path, Path] | None = None) -> None:
        """`places`: where a file lies now that is known under another path."""
        self._places = places or {}
        self._opened: dict[Path, int] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Files:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for fd in self._opened.values():
            os.close(fd)
        self._opened.clear()

    def read(self, path: Path, offset: int, nbytes: int) -> bytearray:
        """`nbytes` bytes of `path` from `offset` on; raises ConversionError when the file does not give them.

        Read rather than mapped: a file that shrinks meanwhile gives an error here, and SIGBUS there.
        """
        fd = self._open(path)
        buffer = bytearray(nbytes)
        view, done = memoryview(buffer), 0
        while done < nbytes:
            try:
                got = os.preadv(fd, [view[done:]], offset + done)
            except OSError as error:
                raise ConversionError(f"{path} cannot be read ({error.strerror}); check that disk.") from error
            if not got:
                raise ConversionError(f"{path} became shorter while it was read; leave it alone and convert again.")
            done += got
        return buffer

    def _open(self, path: Path) -> int:
        with self._lock:
            if path not in self._opened:
                place = self._places.get(path, path)
                try:
                    self._opened[path] = os.open(place, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
                except FileNotFoundError as error:
                    raise ConversionError(f"{path} vanished meanwhile; put it back and convert again.") from error
                except OSError as error:
                    raise ConversionError(f"{path} cannot be read: {error.strerror or error}.") from error
            return self._opened[path]
