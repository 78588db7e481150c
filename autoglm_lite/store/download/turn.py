"""Whose turn it is to get a file, where several programs want the same one."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from autoglm_lite.store.locking import taken

MOST_BYTES = 100


class Turn:
    """The lock of one file on its way. The system lets go of it when its holder is killed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(self) -> bool:
        """False where another has it. Raises OSError."""
        # Whoever has had it removes it at the end, perhaps at this very moment: then it is had at the next try.
        with suppress(FileNotFoundError):
            found = taken(self._path)
            if isinstance(found, int):
                self._descriptor = found
        return self._descriptor is not None

    def holder(self) -> int | None:
        """The process that has it, where that can be told."""
        with suppress(OSError, ValueError, IndexError), self._path.open("rb") as file:
            return int(file.read(MOST_BYTES).split()[0])
        return None

    def give_back(self) -> None:
        if self._descriptor is None:
            return
        # Removed while it is held: whoever opened it before sees that it is not the one at this path any more.
        with suppress(OSError):
            self._path.unlink()
        os.close(self._descriptor)
        self._descriptor = None
