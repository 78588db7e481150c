"""Looking through folders of other programs: bounded, following no link out of them, waiting for nothing.

What lies there was written by others and may be anything: links that lead in circles, pipes, folders that nobody may
read, trees without end.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from stat import S_ISDIR, S_ISREG

MOST_ENTRIES = 20_000
"""That are looked at in one tree."""
MOST_DEPTH = 6
"""Folders within folders."""
MOST_TEXT = 1 << 20
"""Bytes of a file that describes a model."""
SHA256 = re.compile(r"sha256[:-]([0-9a-f]{64})")


def distinct(folders: Iterable[Path]) -> list[Path]:
    """Those that are there, each once, though paths lead to one by links."""
    found: dict[str, Path] = {}
    for folder in folders:
        if _is_there(folder):
            found.setdefault(os.path.realpath(folder), folder)
    return list(found.values())


def files(folder: Path, depth: int = MOST_DEPTH, suffix: str = ".gguf") -> Iterator[Path]:
    """The files of this suffix, in order of their names, also where they are links; folders that are links are left
    out, and what begins with a point, or is on its way."""
    left = MOST_ENTRIES
    waiting = [(folder, depth)]
    while waiting and left > 0:
        here, deeper = waiting.pop()
        names = entries(here, left)
        left -= len(names)
        folders = []
        for name in names:
            if name.startswith("."):
                continue
            path = here / name
            if name.lower().endswith(suffix) and not is_on_its_way(name):
                yield path
            elif deeper > 0 and _is_folder(path):
                folders.append((path, deeper - 1))
        waiting += reversed(folders)


def entries(folder: Path, most: int = MOST_ENTRIES) -> list[str]:
    """Names in `folder`, sorted; empty where it cannot be read."""
    with suppress(OSError), os.scandir(folder) as found:
        return sorted(entry.name for entry in islice(found, most))
    return []


def is_on_its_way(name: str) -> bool:
    """Whether a file of this name is not complete: so each program calls what it is fetching."""
    low = name.lower()
    return low.startswith(("incomplete-", "downloading_")) or low.endswith((".part", ".incomplete", ".tmp"))


def gguf_within(path: Path, folder: Path) -> Path | None:
    """The file that `path` is or leads to, if it lies in `folder` and begins as a GGUF; else None."""
    with suppress(OSError, ValueError):
        real = Path(os.path.realpath(path))
        if not real.is_relative_to(os.path.realpath(folder)) or not S_ISREG(real.lstat().st_mode):
            return None
        # Without waiting: a pipe may have taken the file's place since.
        descriptor = os.open(real, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(descriptor, "rb") as file:
            return real if file.read(4) == b"GGUF" else None
    return None


def text_within(path: Path, folder: Path, most: int = MOST_TEXT) -> str | None:
    """What the file at `path` says, at most so many bytes; None if it cannot be read, lies outside of `folder`, or is
    longer than MOST_TEXT."""
    with suppress(OSError, ValueError):
        real = Path(os.path.realpath(path))
        status = real.lstat()
        if not real.is_relative_to(os.path.realpath(folder)) or not S_ISREG(status.st_mode):
            return None
        if status.st_size > MOST_TEXT:
            return None
        descriptor = os.open(real, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(descriptor, "rb") as file:
            return file.read(most).decode("utf-8", "replace")
    return None


def _is_there(folder: Path) -> bool:
    try:
        return folder.is_dir()
    except (OSError, ValueError):
        return False


def _is_folder(path: Path) -> bool:
    with suppress(OSError):
        return S_ISDIR(path.lstat().st_mode)
    return False
