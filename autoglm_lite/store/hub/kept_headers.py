"""The beginnings of files far away that were read once: who looks at a model twice, or is cut off, reads on."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from autoglm_lite.paths import cache_dir, private_dir
from autoglm_lite.replacing import replace_file
from autoglm_lite.store.place import place

MOST_FILES = 16
MOST_BYTES = 64 << 20
"""Of all of them."""


def kept_start(sha256: str | None) -> bytes:
    """The first bytes of the file with that SHA-256, as many as are kept; nothing of one that nobody knows."""
    if sha256 is not None:
        path = _path(sha256)
        with suppress(OSError), path.open("rb") as file:
            os.utime(path)
            return file.read(MOST_BYTES)
    return b""


def keep_start(sha256: str | None, start: bytes) -> None:
    """If the disk takes it; what was used longest ago is removed for it."""
    if sha256 is None:
        return
    path = _path(sha256)
    with suppress(OSError):
        private_dir(path.parent)
        replace_file(path, start, durable=False)
        _make_room(path.parent)


def forget_start(sha256: str | None) -> None:
    if sha256 is not None:
        with suppress(OSError):
            _path(sha256).unlink()


def _path(sha256: str) -> Path:
    return place(cache_dir(), "headers", sha256)


def _make_room(folder: Path) -> None:
    """Raises OSError."""
    found = sorted(((path, path.stat()) for path in folder.iterdir()), key=lambda one: one[1].st_mtime, reverse=True)
    total = 0
    for number, (path, status) in enumerate(found):
        total += status.st_size
        if number >= MOST_FILES or total > MOST_BYTES:
            path.unlink()
