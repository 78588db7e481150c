"""An output file that appears under its name only when it is whole, and that can be gone on with after a stop."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from autoglm_lite.errors import ConversionError, StoreError
from autoglm_lite.store.hub.failures import DownloadError
from converters.writer import refused, sync_folder

NOTE_EVERY = 256 << 20
"""Bytes between two notes of how far the file has come: a power cut costs no more work than that."""

PASSING = (KeyboardInterrupt, OSError, DownloadError, StoreError)
"""What ends a conversion that may be gone on with: all else would end it again."""


class HaltedError(ConversionError):
    """A conversion ended before its time for a reason outside of it, and what is done is kept."""


@dataclass(slots=True)
class Partial:
    """A file being written, and the note beside it that says how much of it is sure."""

    file: BinaryIO
    note: Path
    identity: str
    n_done: int
    """Tensors that are whole in the file already; or pieces of them, where these are written in an order of their
    own."""
    size: int
    """Bytes of these: of a file that is written from front to back those up to the end of the last of them."""
    noted: int = 0

    def finished(self, n_done: int, size: int | None = None) -> None:
        """Says that `n_done` are whole now, of `size` bytes (None: of all up to where the file is written)."""
        self.n_done, self.size = n_done, self.file.tell() if size is None else size
        if self.size - self.noted >= NOTE_EVERY:
            self.write_note()

    def write_note(self) -> None:
        """Syncs the data first: the note must never promise what the disk does not hold."""
        self.file.flush()
        os.fsync(self.file.fileno())
        self.noted = self.size
        draft = self.note.with_suffix(".tmp")
        draft.write_text(json.dumps({"identity": self.identity, "bytes": self.size, "tensors": self.n_done}))
        draft.replace(self.note)


def places(out: Path) -> tuple[Path, Path]:
    """Where `out` grows, hidden in the same folder, and the note about it."""
    # The same for each attempt at `out`, and short even when its name is as long as names can be.
    stem = f".autoglm-lite-{hashlib.sha256(os.fsencode(out.name)).hexdigest()[:12]}"
    return out.parent / f"{stem}.part", out.parent / f"{stem}.json"


def held(out: Path) -> int:
    """Bytes of the disk that an earlier attempt at `out` takes, and a new one will take over."""
    path, _ = places(out)
    return disk_bytes(path)


def disk_bytes(path: Path) -> int:
    """What the blocks of a file take, which is less than its length where it has holes."""
    try:
        return path.lstat().st_blocks * 512
    except (OSError, AttributeError):
        # Nothing is there, or the system does not say.
        return 0


@contextmanager
def partial_file(
    out: Path,
    identity: str,
    resume: bool,
    n_bytes: int | None = None,
    publish: Callable[[Path, Path], object] = Path.replace,
) -> Iterator[Partial]:
    """The file that becomes `out` when the block ends well, synced to disk; else nothing of it is left.

    `identity` stands for everything that decides its bytes. With `resume`, an earlier attempt at the same is gone on
    with, and an interruption, a cut line or a full disk leaves the attempt for next time. With `n_bytes`, the file has
    that length from the beginning and is written in any order. `publish` is how it gets its name. Raises
    ConversionError for what the disk refuses (HaltedError where what is done is kept), and when another process is at
    it.
    """
    halted = False
    path, note = places(out)
    try:
        # A link that somebody has put in our place is not followed.
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
        if resume:
            _make_writable(path)
        with os.fdopen(os.open(path, flags, 0o666), "r+b", 1 << 20) as file:
            _lock(file, path, out)
            n_done, size = _earlier(note, identity, path) if resume else (0, 0)
            if not size:
                # The note about an earlier attempt must not be believed of what is written now.
                note.unlink(missing_ok=True)
            if n_bytes is None or not size:
                file.truncate(size)
            if n_bytes is not None:
                file.truncate(n_bytes)
            file.seek(size if n_bytes is None else 0)
            partial = Partial(file, note, identity, n_done, size, size)
            try:
                yield partial
                file.flush()
                os.fsync(file.fileno())
                publish(path, out)
            except BaseException as error:
                halted = _leave(partial, path, keep=resume and isinstance(error, PASSING))
                raise
            with suppress(OSError):
                note.unlink()
            sync_folder(out.parent)
    except OSError as error:
        raise (HaltedError if halted else ConversionError)(refused(out, error)) from error


def _make_writable(path: Path) -> None:
    """Killed while it became a stored model, which nobody may write, it is one of these already."""
    with suppress(OSError):
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode) and not mode & stat.S_IWUSR:
            path.chmod(0o600)


def _earlier(note: Path, identity: str, path: Path) -> tuple[int, int]:
    """Whole tensors of an earlier attempt at the same file, and the bytes that they end at."""
    try:
        found = json.loads(note.read_text())
        n_done, size = int(found["tensors"]), int(found["bytes"])
        if found["identity"] == identity and 0 <= size <= path.stat().st_size:
            return n_done, size
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return 0, 0


def _leave(partial: Partial, path: Path, keep: bool) -> bool:
    """Whether something is left."""
    if keep:
        with suppress(OSError):
            partial.write_note()
        if partial.note.exists():
            return True
    for one in (path, partial.note, partial.note.with_suffix(".tmp")):
        with suppress(OSError):
            one.unlink()
    return False


def _lock(file: BinaryIO, path: Path, out: Path) -> None:
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Another conversion may have ended between our opening and our lock: then the file is its result by now.
        ours = os.path.samestat(os.fstat(file.fileno()), path.lstat())
    except (BlockingIOError, FileNotFoundError):
        ours = False
    except OSError:
        # Some network file systems have no locks; two conversions to one name there are the user's own doing.
        return
    if not ours:
        raise ConversionError(
            f"{out} is being written by another conversion; wait for it, or give another name with -o."
        )
