"""Reading a file's first part in order, never past its end and never more than a fixed amount."""

from __future__ import annotations

import struct
import sys
from array import array
from pathlib import Path
from typing import Protocol

from autoglm_lite.errors import ModelFileError
from autoglm_lite.gguf.header import damaged
from autoglm_lite.gguf.values import ARRAY_CODES, Strings, ValueType

MAX_HEADER_BYTES = 128 << 20
"""The largest headers known (vocabularies of 262,000 tokens) take 20 MB."""

_FIRST_READ = 1 << 20
_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")


class Readable(Protocol):
    """A file that is read in order."""

    def read(self, n_bytes: int, /) -> bytes:
        """The next bytes, at most `n_bytes` of them and none only where the file ends."""


class Cursor:
    """A place in a file of `file_bytes` bytes. It reads rather than maps: a file cut short under a mapping would
    kill the process that looks at it."""

    def __init__(self, file: Readable, file_bytes: int, path: Path) -> None:
        self.file_bytes = file_bytes
        self.path = path
        self.position = 0
        self._file = file
        self._buffer = bytearray()

    def remaining(self) -> int:
        """Bytes from here to the end of the file."""
        return self.file_bytes - self.position

    def peek(self, n_bytes: int) -> bytes:
        """The bytes from here on, fewer than `n_bytes` where the file ends, and stays here."""
        end = min(self.position + n_bytes, self.file_bytes)
        self._fill(end)
        return bytes(self._buffer[self.position : end])

    def take(self, n_bytes: int) -> bytes:
        start = self._advance(n_bytes)
        return bytes(self._buffer[start : self.position])

    def u32(self) -> int:
        return int(_U32.unpack_from(self._buffer, self._advance(4))[0])

    def u64(self) -> int:
        return int(_U64.unpack_from(self._buffer, self._advance(8))[0])

    def text(self) -> bytes:
        """A length and as many bytes."""
        return self.take(self.u64())

    def numbers(self, item: ValueType, count: int) -> array[int] | array[float]:
        values = array(ARRAY_CODES[item])
        values.frombytes(self.take(count * values.itemsize))
        if sys.byteorder == "big":
            values.byteswap()
        return values

    def strings(self, count: int) -> Strings:
        """`count` lengths, each followed by its bytes."""
        if count * 8 > self.remaining():
            raise cut_short(self.path)
        start = self.position
        ends = array("Q")
        unpack, append = _U64.unpack_from, ends.append
        place, filled, end_of_file = start, len(self._buffer), self.file_bytes
        for _ in range(count):
            if place + 8 > filled:
                filled = self._fill(place + 8)
            place += 8 + unpack(self._buffer, place)[0]
            if place > end_of_file:
                raise cut_short(self.path)
            append(place - start)
        self._fill(place)
        self.position = place
        return Strings(bytes(self._buffer[start:place]), ends)

    def _advance(self, n_bytes: int) -> int:
        start = self.position
        if start + n_bytes > len(self._buffer):
            self._fill(start + n_bytes)
        self.position = start + n_bytes
        return start

    def _fill(self, end: int) -> int:
        """Reads at least up to the byte `end`; returns how many bytes are held."""
        if end > self.file_bytes:
            raise cut_short(self.path)
        if end > MAX_HEADER_BYTES:
            raise damaged(self.path, f"its header is larger than {MAX_HEADER_BYTES >> 20} MiB")
        held = len(self._buffer)
        wanted = min(max(end, 2 * held, _FIRST_READ), self.file_bytes, MAX_HEADER_BYTES)
        while held < end:
            piece = self._file.read(wanted - held)
            if not piece:
                raise cut_short(self.path)
            self._buffer += piece
            held += len(piece)
        return held


def cut_short(path: Path, missing: int | None = None) -> ModelFileError:
    """The file ends too early, by `missing` bytes where that is known."""
    how = "within its header" if missing is None else f"with {missing:,} bytes missing"
    return ModelFileError(f"{path} is cut short: it ends {how}; download it again.")
