"""The first bytes of functions that a shared library of Linux exports (64 bits, little endian)."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

_CODE = 16
"""Bytes of each function."""
_LOAD, _DYNSYM = 1, 11
_MOST = 16 << 20
"""Bytes that a table of the file may take; llama.cpp's take some 100 KB."""
_SMALLEST_ROW = 24
"""Bytes: a symbol."""


def read_functions(path: Path, prefix: str) -> dict[str, bytes]:
    """The functions whose names begin with `prefix`; none if the file is missing, damaged or of another kind.

    The layout is that of elf(5): the section of dynamic symbols names its strings, a segment its place in the file.
    """
    try:
        with path.open("rb") as file:
            return _read(file, prefix.encode())
    except (OSError, ValueError, OverflowError, struct.error, IndexError):
        return {}


def _read(file: BinaryIO, prefix: bytes) -> dict[str, bytes]:
    head = file.read(64)
    if head[:6] != b"\x7fELF\x02\x01":
        return {}
    segments_at, sections_at = struct.unpack_from("<QQ", head, 32)
    segment_size, n_segments, section_size, n_sections = struct.unpack_from("<4H", head, 54)
    segments = [
        struct.unpack_from("<IIQQQQ", row) for row in _rows(file, segments_at, segment_size, n_segments * segment_size)
    ]
    sections = [
        struct.unpack_from("<IIQQQQIIQQ", row)
        for row in _rows(file, sections_at, section_size, n_sections * section_size)
    ]
    found: dict[str, bytes] = {}
    for section in sections:
        _, kind, _, _, offset, size, link, _, _, row_size = section
        if kind != _DYNSYM:
            continue
        names = _at(file, sections[link][4], sections[link][5])
        for row in _rows(file, offset, row_size, size):
            name_at, _, _, _, address = struct.unpack_from("<IBBHQ", row)
            if not names.startswith(prefix, name_at):
                continue
            name = names[name_at : names.index(b"\0", name_at)]
            for type_, _, start, virtual, _, in_file in segments:
                if type_ == _LOAD and virtual <= address < virtual + in_file:
                    found[name.decode()] = _at(file, start + address - virtual, _CODE)
    return found


def _rows(file: BinaryIO, offset: int, row_size: int, size: int) -> list[bytes]:
    if row_size < _SMALLEST_ROW:
        raise ValueError(row_size)
    data = _at(file, offset, size)
    return [data[i : i + row_size] for i in range(0, len(data), row_size)]


def _at(file: BinaryIO, offset: int, size: int) -> bytes:
    if size > _MOST:
        raise ValueError(size)
    file.seek(offset)
    return file.read(size)
