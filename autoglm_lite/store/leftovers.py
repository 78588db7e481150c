"""What lies in the store and belongs to nothing any more."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autoglm_lite.errors import UsageError
from autoglm_lite.store.download import PARTIAL
from autoglm_lite.store.facts import facts_folder, kept_for
from autoglm_lite.store.locking import remove_stale
from autoglm_lite.store.manifest import MANIFESTS
from autoglm_lite.store.place import place
from autoglm_lite.store.using import mark_of, marks_folder
from autoglm_lite.store.walking import all_in

DAYS = 7
"""After which nobody goes on with a download that was cut off, most likely."""
SECONDS_OF_WORK = 3600
"""A new file that is younger may be on its way still."""

CONVERSION = ".autoglm-lite-"
"""What the names of a conversion's own files begin with, until it is done."""

Kind = Literal["partial", "manifest", "mmproj", "new"]


@dataclass(frozen=True, slots=True)
class Leftover:
    kind: Kind
    paths: tuple[Path, ...]
    n_bytes: int
    days: float
    """Since anybody wrote to it."""


def leftovers(models: Path, now: float | None = None) -> list[Leftover]:
    """Those worth asking about: what is in work, or was lately, is none of them."""
    now = time.time() if now is None else now
    names = {path.name for path in _entries(models)}
    found = [*_partials(models, now)]
    for path in _entries(models):
        if path.suffix == ".new" and not path.is_dir():
            found.append(_leftover("new", (path,), now))
        elif path.suffix == ".mmproj" and path.with_suffix(".gguf").name not in names:
            found.append(_leftover("mmproj", (path,), now))
    for path in _entries(_inside(models, MANIFESTS)):
        if path.suffix == ".new":
            found.append(_leftover("new", (path,), now))
        elif path.suffix == ".json" and path.name.removesuffix(".json") + ".gguf" not in names:
            found.append(_leftover("manifest", (path,), now))
    return [one for one in found if one.days * 86400 > SECONDS_OF_WORK]


def remove_leftover(one: Leftover) -> int:
    """Returns the bytes that it took. Raises OSError."""
    for path in one.paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return one.n_bytes


def tidy(models: Path) -> int:
    """Removes what nobody misses: stale locks, dates and facts of models that are gone; returns how many."""
    stored = [path for path in _entries(models) if path.suffix == ".gguf"]
    removed = remove_stale(models)
    marks, facts = {mark_of(path) for path in stored}, kept_for(stored)
    for path in _entries(marks_folder()):
        if path not in marks:
            removed += _removed(path)
    for path in _entries(facts_folder()):
        if path.name not in facts:
            removed += _removed(path)
    return removed


def _partials(models: Path, now: float) -> Iterator[Leftover]:
    """The files of one download are one leftover; those of a model of several files lie in a folder. A conversion that
    writes to here has its own hidden ones."""
    groups: dict[str, list[Path]] = {}
    converted = [path for path in _entries(models) if path.name.startswith(CONVERSION)]
    for path in (*_entries(_inside(models, PARTIAL)), *converted):
        groups.setdefault(re.sub(r"(\.\w+)?\.(part|json|new|tmp|lock|work|gone)$", "", path.name), []).append(path)
    for paths in groups.values():
        one = _leftover("partial", tuple(paths), now)
        if one.days > DAYS and not any(map(_in_work, paths)):
            yield one


def _leftover(kind: Kind, paths: tuple[Path, ...], now: float) -> Leftover:
    sizes, youngest = 0, 0.0
    for path in paths:
        for part in all_in(path):
            with suppress(OSError):
                status = part.lstat()
                sizes += status.st_blocks * 512 if hasattr(status, "st_blocks") else status.st_size
                youngest = max(youngest, status.st_mtime)
    return Leftover(kind, paths, sizes, (now - youngest) / 86400)


def _in_work(path: Path) -> bool:
    """Whether a process has locked it, or something in it."""
    if path.is_dir() and not path.is_symlink():
        return any(_in_work(part) for part in _entries(path))
    try:
        import fcntl

        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except (ImportError, OSError):
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def _inside(models: Path, name: str) -> Path:
    """A folder of the store; one in whose place a link stands has nothing in it that is ours."""
    try:
        return place(models, name, "x").parent
    except UsageError:
        return models / name / "nothing"


def _entries(folder: Path) -> list[Path]:
    with suppress(OSError):
        return sorted(folder.iterdir())
    return []


def _removed(path: Path) -> int:
    with suppress(OSError):
        path.unlink()
        return 1
    return 0
