"""The SHA-256 of a file that grows."""

from __future__ import annotations

import hashlib
from types import TracebackType
from typing import BinaryIO

READ_BYTES = 1 << 18
"""At once: so little that the processor's own memory still has it when it is hashed."""


class Digest:
    """Follows the unbroken beginning. What came just now is still in the system's memory, so that reading it back
    costs next to nothing; what came before a restart is read from the disk, while the rest comes."""

    def __init__(self, file: BinaryIO) -> None:
        """`file` is the digest's own, unbuffered."""
        self._file = file
        self._buffer = memoryview(bytearray(READ_BYTES))
        self.restart()

    def restart(self) -> None:
        self._hash = hashlib.sha256()
        self.n_bytes = 0

    def follow(self, reach: int, most: int) -> int:
        """Takes in what is between where it is and `reach`, `most` bytes at most; returns how many bytes that was.
        Raises OSError."""
        begin, end = self.n_bytes, min(reach, self.n_bytes + most)
        self._file.seek(begin)
        while self.n_bytes < end:
            n_bytes = self._file.readinto(self._buffer[: end - self.n_bytes])  # type: ignore[attr-defined]
            if not n_bytes:
                raise OSError(0, "it has become shorter")
            self._hash.update(self._buffer[:n_bytes])
            self.n_bytes += n_bytes
        return self.n_bytes - begin

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def __enter__(self) -> Digest:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()
