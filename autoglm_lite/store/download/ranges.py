"""Which bytes of a file are there: pure, so that it can be proved on its own. A span is (begin, end), `end` without."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import TypeAlias

Span: TypeAlias = tuple[int, int]


class Ranges:
    """Spans in order, none empty, none touching another."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._begins: list[int] = []
        self._ends: list[int] = []
        for begin, end in spans:
            self.add(begin, end)

    def __iter__(self) -> Iterator[Span]:
        return zip(self._begins, self._ends, strict=True)

    def __repr__(self) -> str:
        return f"Ranges({list(self)})"

    @property
    def n_bytes(self) -> int:
        return sum(self._ends) - sum(self._begins)

    def add(self, begin: int, end: int) -> None:
        """Raises ValueError for what is no span."""
        if not 0 <= begin <= end:
            raise ValueError(f"({begin}, {end}) is no span")
        if begin == end:
            return
        # Those from `first` to before `last` touch the new one.
        first, last = bisect_left(self._ends, begin), bisect_right(self._begins, end)
        if first < last:
            begin, end = min(begin, self._begins[first]), max(end, self._ends[last - 1])
        self._begins[first:last] = [begin]
        self._ends[first:last] = [end]

    def clip(self, end: int) -> Ranges:
        """Without what is at `end` or behind it."""
        return Ranges((a, min(b, end)) for a, b in self if a < end)

    def reach(self, at: int) -> int:
        """Up to where all is there from `at` on; `at` itself where nothing is."""
        found = bisect_right(self._begins, at) - 1
        return self._ends[found] if found >= 0 and self._ends[found] > at else at

    def missing(self, begin: int, end: int) -> Iterator[Span]:
        """What is not there of this span, in order."""
        for a, b in [*self, (end, end)]:
            if begin < min(a, end):
                yield begin, min(a, end)
            begin = max(begin, b)


def next_span(done: Ranges, claimed: Iterable[Span], n_bytes: int, most: int) -> Span | None:
    """The first span that is neither there nor claimed, of `most` bytes at most; None where there is none."""
    taken = Ranges([*done, *claimed])
    for begin, end in taken.missing(0, n_bytes):
        return begin, min(end, begin + most)
    return None


def segment_bytes(n_bytes: int, least: int, most: int, lines: int) -> int:
    """How much is asked for at once: small enough that every line has work to the end, and that what came out of order
    is still in the system's memory when its turn comes; large enough that asking costs little."""
    return max(least, min(most, -(-n_bytes // (2 * lines))))
