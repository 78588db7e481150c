"""Every key and tensor of a GGUF file, in order.

Read here, with the format's description (docs/gguf.md of ggml) in hand: the reader of the gguf package takes a second
for a real vocabulary, and knows no type that is newer than itself.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from pathlib import Path
from typing import Any

LONGEST = 16
"""Items of an array that are listed one by one; a longer one is listed by its length and hash."""

SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
NAMES = [
    "UINT8",
    "INT8",
    "UINT16",
    "INT16",
    "UINT32",
    "INT32",
    "FLOAT32",
    "BOOL",
    "STRING",
    "ARRAY",
    "UINT64",
    "INT64",
    "FLOAT64",
]
STRING, ARRAY = 8, 9

NEWER = {41: ("Q1_0", 128, 18), 42: ("Q2_0", 64, 18)}
"""Types that gguf 0.19 does not know: name, values in a block, bytes of a block."""


def describe(path: Path) -> dict[str, Any]:
    """The whole file in small: its hash, its keys with types and values, its tensors with the hash of their bytes."""
    data = path.read_bytes()
    cursor = _Cursor(data)
    _, _, n_tensors, n_keys = cursor.take("IIQQ")
    keys, alignment = [], 32
    for _ in range(n_keys):
        name, (kind,) = cursor.text(), cursor.take("I")
        kinds, value = cursor.value(kind)
        if name == "general.alignment":
            alignment = value
        if isinstance(value, list) and len(value) > LONGEST:
            value = {"length": len(value), "sha256": _hash(json.dumps(value).encode())}
        keys.append([name, [NAMES[kind] for kind in kinds], value])
    listed = []
    for _ in range(n_tensors):
        name, (n_dimensions,) = cursor.text(), cursor.take("I")
        shape = list(cursor.take(f"{n_dimensions}Q"))
        listed.append((name, shape, *cursor.take("IQ")))
    start = cursor.place + -cursor.place % alignment
    tensors = []
    for name, shape, kind, offset in listed:
        kind_name, per_block, block_bytes = _type(kind)
        size = math.prod(shape) // per_block * block_bytes
        tensors.append([name, kind_name, shape, _hash(data[start + offset : start + offset + size])])
    return {"sha256": _hash(data), "keys": keys, "tensors": tensors}


class _Cursor:
    """Reads the header, piece by piece."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.place = 0

    def take(self, pattern: str) -> tuple[Any, ...]:
        found = struct.unpack_from(f"<{pattern}", self.data, self.place)
        self.place += struct.calcsize(f"<{pattern}")
        return found

    def text(self) -> str:
        (size,) = self.take("Q")
        self.place += size
        return self.data[self.place - size : self.place].decode("utf-8")

    def value(self, kind: int) -> tuple[list[int], Any]:
        if kind == STRING:
            return [kind], self.text()
        if kind != ARRAY:
            return [kind], self.take(SCALARS[kind])[0]
        inner, size = self.take("IQ")
        if inner == STRING:
            return [kind, inner], [self.text() for _ in range(size)]
        return [kind, inner], list(self.take(f"{size}{SCALARS[inner]}"))


def _type(number: int) -> tuple[str, int, int]:
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    if number in NEWER:
        return NEWER[number]
    kind = GGMLQuantizationType(number)
    return (kind.name, *GGML_QUANT_SIZES[kind])


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
