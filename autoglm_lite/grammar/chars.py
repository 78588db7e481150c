"""Sets of code points, as a grammar's character classes have them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

LAST = 0x10FFFF
Ranges = tuple[tuple[int, int], ...]
"""First and last code point of each, in order, with a gap between any two."""

UNWRITABLE: Ranges = ((0, 0), (0xD800, 0xDFFF))
"""No token stands for these: llama.cpp takes 0 for the end of a text, and UTF-8 has no surrogates."""


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of a text, out of `ranges`."""

    ranges: Ranges
    n_elements: int = 1
    """What it takes up in llama.cpp's copy of the grammar."""

    def __contains__(self, code_point: int) -> bool:
        return any(first <= code_point <= last for first, last in self.ranges)


def union(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """In order and joined."""
    joined: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return tuple(joined)


def complement(ranges: Ranges) -> Ranges:
    """All other code points."""
    gaps: list[tuple[int, int]] = []
    start = 0
    for first, last in ranges:
        if first > start:
            gaps.append((start, first - 1))
        start = last + 1
    if start <= LAST:
        gaps.append((start, LAST))
    return tuple(gaps)


def without(ranges: Ranges, others: Iterable[tuple[int, int]]) -> Ranges:
    return complement(union((*complement(ranges), *others)))


def common(ranges: Ranges, others: Ranges) -> Ranges:
    return without(ranges, complement(others))
