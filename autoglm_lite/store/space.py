"""Where the space of the disk went."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from autoglm_lite.paths import states_dir
from autoglm_lite.store.download import PARTIAL
from autoglm_lite.store.leftovers import CONVERSION
from autoglm_lite.store.models import models_dir, stored_models
from autoglm_lite.store.walking import all_in


@dataclass(frozen=True, slots=True)
class Space:
    """In bytes."""

    models: int
    states: int
    """What models have read, kept to go on from there."""
    parts: int
    """Of downloads and conversions that are not complete."""
    free: int | None
    """Of the disk with the models; None where it cannot be told."""


def read_space() -> Space:
    """As it is now; a link counts nothing."""
    folder, states = models_dir(), states_dir()
    there = next((path for path in (folder, *folder.parents) if path.exists()), Path("/"))
    converted = [path for one in _files(folder) if one.name.startswith(CONVERSION) for path in all_in(one)]
    free = None
    with suppress(OSError):
        free = shutil.disk_usage(there).free
    return Space(
        sum(map(_size, (*stored_models(), *folder.glob("*.mmproj")))),
        sum(map(_size, _files(states))),
        sum(map(_on_disk, (*all_in(folder / PARTIAL), *converted))),
        free,
    )


def _files(folder: Path) -> list[Path]:
    with suppress(OSError):
        return list(folder.iterdir())
    return []


def _on_disk(path: Path) -> int:
    """What came of a file may have holes, where other ranges of it are to come."""
    with suppress(OSError):
        status = path.lstat()
        if S_ISREG(status.st_mode):
            return min(status.st_size, getattr(status, "st_blocks", status.st_size) * 512)
    return 0


def _size(path: Path) -> int:
    with suppress(OSError):
        status = path.lstat()
        return status.st_size if S_ISREG(status.st_mode) else 0
    return 0
