"""The typed values of a GGUF's metadata."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain
from typing import overload


class ValueType(IntEnum):
    """Numbers as in the GGUF specification."""

    UINT8 = 0
    INT8 = 1
    UINT16 = 2
    INT16 = 3
    UINT32 = 4
    INT32 = 5
    FLOAT32 = 6
    BOOL = 7
    STRING = 8
    ARRAY = 9
    UINT64 = 10
    INT64 = 11
    FLOAT64 = 12


ARRAY_CODES: dict[ValueType, str] = {
    ValueType.UINT8: "B",
    ValueType.INT8: "b",
    ValueType.UINT16: "H",
    ValueType.INT16: "h",
    ValueType.UINT32: "I",
    ValueType.INT32: "i",
    ValueType.FLOAT32: "f",
    ValueType.BOOL: "B",
    ValueType.UINT64: "Q",
    ValueType.INT64: "q",
    ValueType.FLOAT64: "d",
}
"""For the module `array`, whose items have these sizes on every platform that llama.cpp runs on."""


class Strings(Sequence[bytes]):
    """Many byte strings kept as one block of the file and the places where each ends: a vocabulary of 152,000
    tokens takes 3 MB this way, and 15 MB as separate objects."""

    def __init__(self, block: bytes, ends: array[int]) -> None:
        """`block` holds, for each string, its length in 8 bytes and then its bytes."""
        self._block = block
        self._ends = ends

    def __len__(self) -> int:
        return len(self._ends)

    def __iter__(self) -> Iterator[bytes]:
        block, ends = self._block, self._ends
        return (block[start + 8 : end] for start, end in zip(chain((0,), ends), ends, strict=False))

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | Sequence[bytes]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        start = self._ends[place - 1] if place else 0
        return self._block[start + 8 : self._ends[place]]


Number = int | float


@dataclass(frozen=True, slots=True)
class Value:
    """One metadata value. `item` is the type of an array's items, None for a single value."""

    type: ValueType
    data: Number | bool | str | array[int] | array[float] | Strings
    item: ValueType | None = None
