"""Whose turn it is to get a file, where several programs want the same one."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

MOST_BYTES = 100
SECONDS_TO_SETTLE = 0.1
"""In which two that wrote their names at the same moment see whose name stayed."""

SECONDS_UNSURE = 5.0
"""Of when a process was started: the system's clock may have been set right since."""


class Turn:
    """A lock with a name in it. The system frees it when its holder is killed; where files cannot be locked at all, as
    in some network folders, the name in it counts: a process and when that was started."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(self) -> bool:
        """False where another has it. Raises OSError."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        try:
            locked = _lock(descriptor)
            # Whoever had it may have removed the file meanwhile: then this lock is on nothing.
            if locked is False or not self._is_at_path(descriptor) or _lives(_read(descriptor)):
                return False
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, _me(), 0)
            if locked is None or self._locks_do_nothing():
                time.sleep(SECONDS_TO_SETTLE)
                if not self._is_at_path(descriptor) or _read(descriptor) != _me():
                    return False
            self._descriptor, descriptor = descriptor, -1
            return True
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    def holder(self) -> int | None:
        """The process that has it, where that can be told."""
        with suppress(OSError, ValueError):
            with self._path.open("rb") as file:
                return int(file.read(MOST_BYTES).split()[0])
        return None

    def give_back(self) -> None:
        if self._descriptor is not None:
            with suppress(OSError):
                if self._is_at_path(self._descriptor):
                    self._path.unlink()
            os.close(self._descriptor)
            self._descriptor = None

    def _is_at_path(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat(follow_symlinks=False))
        except OSError:
            return False

    def _locks_do_nothing(self) -> bool:
        descriptor = os.open(self._path, os.O_RDWR)
        try:
            return _lock(descriptor) is not False
        finally:
            os.close(descriptor)


def _lock(descriptor: int) -> bool | None:
    """False where another has locked it, None where it cannot be locked."""
    try:
        import fcntl
    except ImportError:  # pragma: no cover
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _read(descriptor: int) -> bytes:
    return os.pread(descriptor, MOST_BYTES, 0)


def _me() -> bytes:
    import psutil

    return f"{os.getpid()} {psutil.Process().create_time():.2f}\n".encode()


def _lives(name: bytes) -> bool:
    """Whether the process of this name is still there: another may have got its number since."""
    import psutil

    with suppress(psutil.Error, ValueError, OverflowError):
        process, started = name.split()
        return abs(psutil.Process(int(process)).create_time() - float(started)) < SECONDS_UNSURE
    return False
