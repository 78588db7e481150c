"""Splits GGUFs as llama.cpp's gguf-split does, and says what its --merge makes of the parts.

test_splitting.py holds the digests of what that program itself wrote of the same models.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from pathlib import Path

from autoglm_lite.gguf.header import Header
from autoglm_lite.gguf.reader import read_header_of
from tests.gguf.tiny import I32, U16, Entry, single, string

KEYS = ("split.no", "split.tensors.count", "split.count")


def split(content: bytes, counts: Sequence[int]) -> list[bytes]:
    """A part for each of `counts`, with as many tensors; together they are all."""
    header = _header(content)
    assert sum(counts) == len(header.tensors)
    parts = []
    begin = 0
    for no, count in enumerate(counts):
        kept = _kept(content, header) if no == 0 else []
        own = _own(no, len(header.tensors), len(counts))
        parts.append(_written(content, header, kept + [entry.encode() for entry in own], begin, begin + count))
        begin += count
    return parts


def merged(content: bytes) -> bytes:
    """What the parts of it become, however it was split."""
    header = _header(content)
    own = _own(0, len(header.tensors), 0)
    return _written(
        content, header, [*_kept(content, header), *(entry.encode() for entry in own)], 0, len(header.tensors)
    )


def write_parts(folder: Path, stem: str, parts: Sequence[bytes]) -> list[Path]:
    """Under the names that gguf-split gives them."""
    paths = [folder / f"{stem}-{no:05}-of-{len(parts):05}.gguf" for no in range(1, len(parts) + 1)]
    for path, part in zip(paths, parts, strict=True):
        path.write_bytes(part)
    return paths


def _own(no: int, n_tensors: int, count: int) -> list[Entry]:
    return [
        single("split.no", U16, no),
        single("split.tensors.count", I32, n_tensors),
        single("split.count", U16, count),
    ]


def _header(content: bytes) -> Header:
    return read_header_of(io.BytesIO(content), len(content), Path("whole.gguf"))


def _kept(content: bytes, header: Header) -> list[bytes]:
    return [content[begin:end] for key, (begin, end) in header.spans.items() if key not in KEYS]


def _written(content: bytes, header: Header, entries: list[bytes], begin: int, end: int) -> bytes:
    tensors = header.tensors[begin:end]
    alignment = header.alignment
    out = bytearray(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(entries)))
    out += b"".join(entries)
    data = bytearray()
    numbers = _type_numbers(content, header)
    for tensor in tensors:
        out += string(tensor.name) + struct.pack("<I", len(tensor.shape))
        out += struct.pack(f"<{len(tensor.shape)}QIQ", *tensor.shape, numbers[tensor.name], len(data))
        start = header.data_offset + tensor.offset
        data += content[start : start + tensor.n_bytes]
        data += bytes(-len(data) % alignment)
    out += bytes(-len(out) % alignment)
    return bytes(out + data)


def _type_numbers(content: bytes, header: Header) -> dict[str, int]:
    """As they are in the file."""
    place = max((end for _, end in header.spans.values()), default=24)
    found = {}
    for tensor in header.tensors:
        place += 8 + len(tensor.name.encode()) + 4 + 8 * len(tensor.shape)
        found[tensor.name] = struct.unpack_from("<I", content, place)[0]
        place += 12
    return found
