"""The private folder beside a result that is on its way: what of the checkpoint is here, and what is known of it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoglm_lite.errors import ConversionError
from autoglm_lite.replacing import replace_file
from autoglm_lite.store.place import place
from converters.partial import PASSING, HaltedError, disk_bytes, held, places
from converters.writer import refused

NOTE, LOCK = "note.json", "lock"
PROBE_BYTES = 8 << 20
TRIES = 10


@dataclass(frozen=True, slots=True)
class Work:
    """Ours alone while it is open."""

    folder: Path
    name: str
    """Of the repository, without its owner: it names the model in the result."""

    @property
    def checkpoint(self) -> Path:
        """The folder that is converted. Its shards have their true length, their headers, and otherwise no blocks."""
        return place(self.folder, "checkpoint", self.name)

    @property
    def shards(self) -> Path:
        """The folder of those that are here whole."""
        return self.folder / "shards"

    def known(self) -> dict[str, Any]:
        """What was noted, in this run or an earlier one."""
        with suppress(OSError, ValueError, RecursionError):
            found = json.loads((self.folder / NOTE).read_bytes())
            if isinstance(found, dict):
                return found
        return {}

    def note(self, **more: object) -> None:
        """Keeps `more` (JSON) by its names; the disk has it when this returns. Raises OSError."""
        replace_file(self.folder / NOTE, json.dumps({**self.known(), **more}).encode())

    def forget(self) -> None:
        """Removes what came, so that the next run asks the hub again."""
        (self.folder / NOTE).unlink(missing_ok=True)
        for folder in (self.folder / "checkpoint", self.shards):
            shutil.rmtree(folder, ignore_errors=True)

    def claim(self, out: Path) -> int:
        """Has the work be for `out`. What there is of another result that it was for is given up: returns the bytes
        of the disk that this frees. Raises OSError."""
        before, freed = self.known().get("out"), 0
        if isinstance(before, str) and before != out.name and Path(before).name == before:
            other = out.with_name(before)
            freed = held(other)
            for path in places(other):
                path.unlink(missing_ok=True)
        self.note(out=out.name)
        return freed


def work_place(folder: Path, reference: str) -> Path:
    """Where in `folder` the work with the checkpoint `reference` is: the same each time, so that the next run finds
    it."""
    _, note = places(folder.absolute() / hashlib.sha256(os.fsencode(reference)).hexdigest())
    return note.with_suffix(".work")


@contextmanager
def working(path: Path, name: str) -> Iterator[Work]:
    """The folder `path`, for the repository `name`. It goes when the block ends well, or in a way that it would end
    again; what was interrupted, or what the line or the disk has ended, is kept.

    Raises ConversionError where another conversion is at it, or the disk refuses.
    """
    try:
        with _locked(path) as work_folder:
            keep = False
            try:
                if not (work_folder / NOTE).exists():
                    _refuse_without_holes(work_folder)
                yield Work(work_folder, name)
            except BaseException as error:
                keep = isinstance(error, (*PASSING, HaltedError)) and (work_folder / NOTE).exists()
                raise
            finally:
                if not keep:
                    _remove(work_folder)
    except OSError as error:
        raise ConversionError(refused(path, error)) from error


def _refuse_without_holes(folder: Path) -> None:
    """Where files have no holes, as on many a memory stick, headers alone would take the room of their shards."""
    probe = folder / "probe"
    with probe.open("wb") as file:
        file.truncate(PROBE_BYTES)
        file.flush()
        os.fsync(file.fileno())
    full = disk_bytes(probe) >= PROBE_BYTES
    probe.unlink()
    if full:
        raise ConversionError(
            f"the disk of {folder.parent.resolve()} knows no files with holes, which a conversion from a hub needs; "
            "name a file on another disk with -o."
        )


def _remove(folder: Path) -> None:
    """All at once for others: one that found the folder without its lock would begin in what is being removed."""
    gone = folder.with_suffix(f".{os.getpid()}.gone")
    with suppress(OSError):
        folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def _open_lock(path: Path) -> int:
    """Of the folder `path`, which is made. Raises ConversionError, OSError."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
    for left in reversed(range(TRIES)):
        path.mkdir(mode=0o700, exist_ok=True)
        try:
            found = path.lstat()
            if not stat.S_ISDIR(found.st_mode) or (hasattr(os, "getuid") and found.st_uid != os.getuid()):
                raise ConversionError(f"{path} is no folder of yours; remove it and convert again.")
            return os.open(path / LOCK, flags, 0o600)
        except FileNotFoundError:
            # Another conversion has ended this moment, and taken the folder away.
            if not left:
                raise
    raise AssertionError("tried in vain, and not said")


@contextmanager
def _locked(path: Path) -> Iterator[Path]:
    with os.fdopen(_open_lock(path), "r+b") as file:
        if not _taken(file.fileno(), path / LOCK):
            raise ConversionError(
                f"{path.parent.resolve()} holds the work of another conversion of this model, which goes on; "
                "wait for it, or name another folder with -o."
            )
        yield path


def _taken(descriptor: int, path: Path) -> bool:
    """Whether the lock is ours now."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Another conversion may have ended, and removed all, between our opening and our lock.
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except (BlockingIOError, FileNotFoundError):
        return False
    except OSError:
        # Some network file systems have no locks.
        return True
