"""A small file written whole in place of the one before it, and names that last through a power cut."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

ENDING = ".new"
"""Of what is not yet in its place."""


def replace_file(path: Path, content: bytes, *, durable: bool = True) -> None:
    """`path` has all of `content`, for this user alone, or what it had before, whatever happens.

    With `durable`, the disk has it when this returns; without, a power cut may leave an empty file, which is good
    enough for what can be found out again. Never writes through a link. Raises OSError.
    """
    new = path.with_name(f"{path.name}.{os.getpid()}{ENDING}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(new, flags, 0o600), "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise


def sync_folder(folder: Path) -> None:
    """Has the disk know what was renamed or removed in it, where the system can do that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
