"""What the KV cache holds: sequences of tokens, which share the places of what they have in common.

A sequence stays when its answer has ended, until others need its places: the longest unused goes first, but for its
trunk, the beginning that other conversations have begun with as well (a system prompt, descriptions of tools), which
goes when there is nothing else left to go.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count

from autoglm_lite.engine.prefixes import MOST_SECONDS, UNKNOWN_SPEED, Prefixes
from autoglm_lite.native.context import Context
from autoglm_lite.states.folder import Found, common_prefix

SHORT = 16
"""Tokens: a longer end is worth a sequence of its own when another text goes on from before it."""
GAP_SECONDS = 10.0
"""Of reading that are saved by going on with what was read behind turns that are now left out. It is not quite what
reading it again would give, so a machine that is quick to read does that."""
SAME = 32
"""Tokens that tell where a conversation goes on."""
QUICK_SECONDS = 0.5
"""Of writing a state to disk while others wait for their next word."""


@dataclass(slots=True, eq=False)
class Held:
    """A sequence, in use by an answer or kept for the next one."""

    id: int
    tokens: array[int] = field(default_factory=lambda: array("i"))
    """Whose keys and values are in the cache, in order."""
    places: array[int] = field(default_factory=lambda: array("q"))
    """A number for the place of each; what sequences share has the same."""
    in_use: bool = True
    used: int = 0
    """When, as a count."""
    trunk: int = 0
    """Its first tokens with which another one has begun."""


@dataclass(frozen=True, slots=True)
class Gap:
    """`length` tokens from `start` on, after which `n_after` tokens are wanted again."""

    held: Held
    start: int
    length: int
    n_after: int


class Sequences:
    """The sequences of one context."""

    def __init__(self, context: Context, prefixes: Prefixes | None, speed: Callable[[], float]) -> None:
        """`prefixes`: what is kept on disk. `speed`: of prefill, tokens a second, 0 before it was measured."""
        self.context = context
        self._prefixes = prefixes
        self._speed = speed
        self._held: list[Held] = []
        self._places = count()
        self._clock = count(1)
        self._n_used = 0
        self.moving: Held | None = None
        """Whose tokens llama.cpp will move up at the beginning of the next step, which must come to its end."""

    def begin(self, wanted: array[int], *, quick: bool) -> Held:
        """A sequence, now in use, that holds as much of the beginning of `wanted` as can be had; the caller lets no
        more be in use than the context computes at once. `quick`: others are being answered meanwhile, so that
        little may be written to disk."""
        source, n_common = self.longest(wanted)
        if self._prefixes is not None:
            found = self._prefixes.better(self.context, wanted, n_common, self._speed())
            if found is not None and (not quick or self._prefixes.read_seconds(found) <= QUICK_SECONDS):
                self._restore(self._prefixes, found, quick)
                source, n_common = self.longest(wanted)
        gap = self._gap(wanted, n_common)
        if gap is not None:
            source, n_common = gap.held, self._close(gap)
        if not quick:
            self._make_room_beside(source, len(wanted) + 1 - n_common)
        held = self._continued(source, n_common, quick)
        held.in_use, held.used = True, next(self._clock)
        return held

    def longest(self, wanted: array[int]) -> tuple[Held | None, int]:
        """The sequence with the longest beginning of `wanted`, and its length; of equals an idle one ending there."""
        best: tuple[Held | None, tuple[int, bool]] = None, (0, False)
        for held in self._held:
            n = common_prefix(held.tokens, wanted)
            worth = n, not held.in_use and n == len(held.tokens)
            if n and worth > best[1]:
                best = held, worth
        return best[0], best[1][0]

    def extend(self, held: Held, tokens: Sequence[int]) -> None:
        """These were computed."""
        held.tokens.extend(tokens)
        held.places.extend(next(self._places) for _ in tokens)
        self._n_used += len(tokens)

    def cut(self, held: Held, n: int) -> None:
        """Only its first `n` tokens stay, or none where the cache cannot be cut there."""
        if n < len(held.tokens):
            n = self.context.forget_from(n, held.id)
            del held.tokens[n:], held.places[n:]
            held.trunk = min(held.trunk, n)
            self._count()

    def take_back(self, held: Held, n: int) -> None:
        """The same for tokens that were computed last, whose places nobody shares."""
        if n < len(held.tokens):
            self._n_used -= len(held.tokens) - n
            self.context.forget_from(n, held.id)
            del held.tokens[n:], held.places[n:]

    def undo(self, held: Held) -> None:
        """A batch with tokens of this sequence was not computed to its end."""
        n = self.context.forget_from(len(held.tokens), held.id)
        del held.tokens[n:], held.places[n:]
        held.trunk = min(held.trunk, n)
        self._count()

    def rest(self, held: Held) -> None:
        """Its answer has ended."""
        held.in_use, held.used = False, next(self._clock)
        if not held.tokens or held is self.moving:
            self._drop(held)

    def n_in_use(self) -> int:
        """Places of the sequences in use."""
        return _n_places(held for held in self._held if held.in_use)

    def make_room(self, n_tokens: int, *, quick: bool) -> bool:
        """Whether there are places for so many more tokens, after idle sequences have given up theirs if need be."""
        while self.context.n_ctx - self._n_used < n_tokens:
            if not self.evict(quick=quick):
                return False
        return True

    def evict(self, *, quick: bool, whole: bool = False) -> bool:
        """Lets go of the idle sequence that is missed least, or of what is after its trunk; False if there is none."""
        idle = [held for held in self._held if not held.in_use]
        if not idle:
            return False
        held = min(idle, key=lambda held: (len(held.tokens) <= held.trunk, held.used))
        self._keep(held, QUICK_SECONDS if quick else MOST_SECONDS)
        if 0 < held.trunk < len(held.tokens) and not whole:
            self.cut(held, held.trunk)
        else:
            self._drop(held)
        return True

    def keep(self, most_seconds: float, go_on: Callable[[], bool]) -> bool:
        """Keeps on disk what is idle and pays, the last used first, as long as `go_on` says so; whether there was such.
        `most_seconds`: for each."""
        kept = False
        for held in sorted(self._held, key=lambda held: -held.used):
            if not held.in_use and go_on():
                kept = self._keep(held, most_seconds) or kept
        return kept

    def _make_room_beside(self, source: Held | None, n_tokens: int) -> None:
        """While nobody else waits for a word, what goes can still be written to disk."""
        if source is None or source.in_use:
            self.make_room(n_tokens, quick=False)
        else:
            source.in_use = True
            self.make_room(n_tokens, quick=False)
            source.in_use = False

    def _gap(self, wanted: array[int], n_common: int) -> Gap | None:
        """What to take out of an idle sequence so that it begins as `wanted` for much longer than the `n_common` tokens
        at hand: a conversation that went on without its oldest turns. None where that saves too little."""
        least = n_common + GAP_SECONDS * (self._speed() or UNKNOWN_SPEED)
        if len(wanted) < least or not self.context.can_shift:
            return None
        for held in sorted(self._held, key=lambda held: -held.used):
            start = common_prefix(held.tokens, wanted)
            length = _find(held.tokens, start, wanted[start : start + SAME])
            if held.in_use or not start or length is None:
                continue
            n_after = common_prefix(held.tokens[start + length :], wanted[start:])
            if start + n_after >= least:
                return Gap(held, start, length, n_after)
        return None

    def _close(self, gap: Gap) -> int:
        """Takes the gap out; returns how many tokens are then at hand."""
        held, start, end = gap.held, gap.start, gap.start + gap.length
        self.cut(held, end + gap.n_after)
        moved = set(held.places[end:])
        for other in self._held[:]:
            if other is not held and not moved.isdisjoint(other.places):
                if other.in_use:
                    return start
                self._drop(other)
        self.context.take_out(held.id, start, end)
        self.moving = held
        del held.tokens[start:end], held.places[start:end]
        held.trunk = min(held.trunk, start)
        self._count()
        return start + gap.n_after

    def _restore(self, prefixes: Prefixes, found: Found, quick: bool) -> None:
        if not self.make_room(len(found.head.tokens), quick=quick):
            return
        held = self._new(quick)
        self.extend(held, prefixes.restore(self.context, held.id, found))
        self.rest(held)

    def _continued(self, source: Held | None, n_common: int, quick: bool) -> Held:
        """The sequence to go on with after the first `n_common` tokens of `source`."""
        if source is None:
            return self._new(quick)
        n_end = len(source.tokens) - n_common
        if not self.context.can_be_cut:
            if source.in_use or (n_end and len(self._held) < self.context.n_sequences):
                return self._new(quick)
        elif source.in_use or n_end > SHORT:
            source.in_use, was_in_use = True, source.in_use
            held = self._new(quick)
            source.in_use, source.trunk = was_in_use, max(source.trunk, n_common)
            self.context.share(source.id, held.id, n_common)
            held.tokens, held.places = source.tokens[:n_common], source.places[:n_common]
            held.trunk = n_common
            return held
        if n_end:
            self._keep(source, QUICK_SECONDS if quick else MOST_SECONDS)
        self.cut(source, n_common)
        return source

    def _new(self, quick: bool) -> Held:
        while len(self._held) >= self.context.n_sequences:
            self.evict(quick=quick, whole=True)
        ids = {held.id for held in self._held}
        held = Held(next(i for i in range(self.context.n_sequences) if i not in ids))
        self._held.append(held)
        return held

    def _keep(self, held: Held, most_seconds: float) -> bool:
        if self._prefixes is None:
            return False
        return self._prefixes.keep(self.context, held.id, held.tokens, self._speed(), most_seconds)

    def _drop(self, held: Held) -> None:
        self.context.drop(held.id)
        self._held.remove(held)
        if held is self.moving:
            self.moving = None
        self._count()

    def _count(self) -> None:
        self._n_used = _n_places(self._held)


def _find(tokens: array[int], start: int, key: array[int]) -> int | None:
    """How far behind `start` the first `key` begins."""
    if len(key) < SAME:
        return None
    held, wanted, at = tokens[start:].tobytes(), key.tobytes(), 0
    while (at := held.find(wanted, at)) % key.itemsize:
        if at < 0:
            return None
        at += 1
    return at // key.itemsize


def _n_places(sequences: Iterable[Held]) -> int:
    places: set[int] = set()
    for held in sequences:
        places.update(held.places)
    return len(places)
