"""One lock a model, as a hint: it keeps two programs from the same work, and nothing breaks where it holds nobody."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from autoglm_lite.errors import StoreError, UsageError
from autoglm_lite.paths import private_dir
from autoglm_lite.store.place import check, place

LOCKS = "locks"
"""The folder within the models' folder."""
SECONDS = 30.0
"""What is done under a lock is a few renames; a disk that sleeps takes ten."""
SECONDS_BETWEEN = 0.02


@contextmanager
def held(models: Path, name: str, seconds: float = SECONDS) -> Iterator[None]:
    """The lock of the model `name`. Whoever holds it waits for no other, so nobody waits in a circle.

    The system lets go of it when its holder dies. Where the file system has no locks, the process that is named in the
    file counts as long as it lives; where not even that can be written, there is none. Raises StoreError with who holds
    it after `seconds`.
    """
    path = place(models, LOCKS, _file_name(name))
    descriptor = _waited_for(path, name, seconds)
    try:
        yield
    finally:
        if descriptor is not None:
            with suppress(OSError):
                os.ftruncate(descriptor, 0)
            os.close(descriptor)


def remove_stale(models: Path) -> int:
    """Removes the locks that nobody holds; returns how many those were."""
    removed = 0
    for path in sorted((models / LOCKS).glob("*.lock")):
        with suppress(OSError):
            descriptor = taken(path)
            if descriptor is not None and not isinstance(descriptor, str):
                try:
                    path.unlink()
                    removed += 1
                finally:
                    os.close(descriptor)
    return removed


def _file_name(name: str) -> str:
    """Any name has a lock: the user may have put a file of an odd one into the folder."""
    try:
        return check(name + ".lock")
    except UsageError:
        return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32] + ".lock"


def _waited_for(path: Path, name: str, seconds: float) -> int | None:
    """Its descriptor; None where this disk has no place for a lock. Raises StoreError."""
    ends = time.monotonic() + seconds
    while True:
        try:
            private_dir(path.parent)
            found = taken(path)
        except OSError:
            return None
        if isinstance(found, int):
            return found
        if time.monotonic() >= ends:
            raise StoreError(
                f"Another program has been changing the model {name} for {seconds:.0f} seconds"
                f"{f' (process {found})' if found else ''}: wait until it is done, or end it."
            )
        time.sleep(SECONDS_BETWEEN)


def taken(path: Path) -> int | str | None:
    """The descriptor of the lock, or who holds it; None where that cannot be told. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        holder = _other(os.pread(descriptor, 64, 0))
        if not _locked(descriptor) or holder is not None:
            os.close(descriptor)
            return holder
        if os.fstat(descriptor).st_ino != path.stat().st_ino:
            # Whoever held it has removed it as a stale one, so it is not the one that others see.
            os.close(descriptor)
            return None
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()} {_started(os.getpid())}".encode(), 0)
    except BaseException:
        with suppress(OSError):
            os.close(descriptor)
        raise
    return descriptor


def _locked(descriptor: int) -> bool:
    """False where another holds it; true too where the file system knows no locks."""
    try:
        import fcntl
    except ImportError:  # pragma: no cover
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _other(content: bytes) -> str | None:
    """The other process that `content` names, if it lives."""
    pid, _, started = content.decode("ascii", "replace").partition(" ")
    if not pid.isdigit() or int(pid) == os.getpid():
        return None
    return pid if started and _started(int(pid)) == started else None


def _started(pid: int) -> str:
    """When the process began, in whatever unit; empty where there is none: a number may be another's by now."""
    try:
        # proc(5): the 22nd field, and the second may hold spaces and brackets.
        return Path(f"/proc/{pid}/stat").read_text(encoding="latin-1").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        pass
    if Path("/proc/self/stat").exists():
        return ""
    import psutil

    try:
        return str(psutil.Process(pid).create_time())
    except psutil.Error:
        return ""
