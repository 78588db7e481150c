"""A stored model goes: what that frees, who still has it open, and nothing of it is left behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from stat import S_ISLNK, S_ISREG
from typing import Literal

from autoglm_lite.errors import ModelFileError, UsageError
from autoglm_lite.replacing import sync_folder
from autoglm_lite.store.locking import held
from autoglm_lite.store.manifest import Manifest, read_manifest, remove_manifest
from autoglm_lite.store.models import is_ours, models_dir
from autoglm_lite.store.using import mark_of

Kept = Literal["link", "hard link", "reflink"]


@dataclass(frozen=True, slots=True)
class Removal:
    """What `remove` would do now."""

    path: Path
    n_bytes: int
    """Of the model and what sees pictures for it."""
    frees: int
    """Bytes, at once or when those that use it have ended."""
    kept: Kept | None
    """Why the bytes stay: only a link goes; another name of the file stays; blocks may be shared with another file."""
    elsewhere: Path | None
    """Where it lies, or lay when it was imported."""
    users: tuple[int, ...] = ()
    """The processes that have it open now."""


def removal(path: Path) -> Removal:
    """Raises UsageError for a model that is not in our folder, ModelFileError for one that is gone."""
    return replace(_frees(path), users=tuple(users_of(path)))


def remove(path: Path) -> int:
    """Removes a stored model with all that belongs to it; of a link only the link. Returns the bytes that are free now.

    A process that has it open goes on with it until it ends: on Linux a file lives as long as somebody reads it. Raises
    UsageError for a model that is not in our folder, ModelFileError where it cannot be removed, StoreError where
    another program is changing it.
    """
    _check(path)
    with held(path.parent, path.stem):
        before = _frees(path)
        try:
            path.unlink()
        except OSError as error:
            raise _refused(path, error) from error
        with suppress(OSError):
            _mmproj(path).unlink()
        with suppress(UsageError):
            remove_manifest(path.parent, path.stem)
        with suppress(OSError):
            mark_of(path).unlink()
        sync_folder(path.parent)
    return before.frees


def _frees(path: Path) -> Removal:
    """As `removal`, without who uses it."""
    _check(path)
    try:
        status = path.lstat()
    except OSError as error:
        raise _refused(path, error) from error
    manifest = _manifest(path)
    source = None if manifest is None or manifest.source is None else Path(manifest.source)
    elsewhere = source if source and source.is_absolute() else None
    kept: Kept | None = None
    if S_ISLNK(status.st_mode):
        kept, elsewhere = "link", _behind(path)
    elif status.st_nlink > 1:
        kept = "hard link"
    elif manifest and manifest.way == "reflink" and elsewhere and elsewhere.exists():
        kept = "reflink"
    sizes = [_own_bytes(path), _own_bytes(_mmproj(path))]
    frees = 0 if kept == "reflink" else sum(n_bytes for n_bytes, alone in sizes if alone)
    return Removal(path, sum(n_bytes for n_bytes, _ in sizes), frees, kept, elsewhere)


def _own_bytes(path: Path) -> tuple[int, bool]:
    """Of the file itself, not of what a link leads to; and whether it has no other name."""
    with suppress(OSError):
        status = path.lstat()
        if S_ISREG(status.st_mode):
            return status.st_size, status.st_nlink == 1
    return 0, False


def users_of(path: Path) -> Iterator[int]:
    """The processes of this user that have mapped the file; nothing where there is no /proc. Takes 0.2 s with 300
    processes."""
    try:
        real, inode = os.fsencode(path.resolve()), str(path.stat().st_ino).encode()
    except (OSError, RuntimeError):
        return
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            # proc(5): address, permissions, offset, device, inode, path.
            for line in (process / "maps").read_bytes().splitlines():
                if real in line and (parts := line.split(None, 5))[4] == inode and parts[5] == real:
                    yield int(process.name)
                    break


def _check(path: Path) -> None:
    if not is_ours(path):
        raise UsageError(f"{path} is not in the models' folder: it is not ours to delete.")


def _refused(path: Path, error: OSError) -> ModelFileError:
    return ModelFileError(f"The model {path} cannot be removed ({error.strerror}); check it.")


def _behind(path: Path) -> Path:
    """Where the link leads, also one that leads in a circle. Raises OSError where it is gone."""
    try:
        return path.resolve()
    except RuntimeError:
        return path.readlink()


def _mmproj(path: Path) -> Path:
    return path.with_suffix(".mmproj")


def _manifest(path: Path) -> Manifest | None:
    with suppress(UsageError):
        return read_manifest(models_dir(), path.stem)
    return None
