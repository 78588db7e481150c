"""What several lines share out among them: which bytes are there, who gets which, and how long all wait."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from autoglm_lite.store.download import disk
from autoglm_lite.store.download.progress import Patience
from autoglm_lite.store.download.ranges import Ranges, next_span, segment_bytes
from autoglm_lite.store.hub.client import CutError

LINES = 4
"""A slow line that breaks has some that go on while others begin anew; more would be a burden to the servers."""
LEAST_SEGMENT, MOST_SEGMENT = 1 << 22, 1 << 25
"""Bytes that are asked for at once."""
MOST_UNSYNCED = 1 << 26
"""Bytes that the disk may not have yet: where the line is quicker than the disk, it waits for it, so that neither the
system's memory fills up nor much is lost when all ends at once."""
NO_END = 1 << 62
"""Of a file whose length nobody tells."""


@dataclass(eq=False, slots=True)
class Claim:
    """Bytes that one line gets; all before `at` are there."""

    at: int
    end: int
    round: int
    """Of the attempts: one failure of many lines at the same moment counts once."""


@dataclass(slots=True)
class Known:
    """What the file is, as far as somebody said."""

    n_bytes: int | None = None
    sha256: str | None = None
    validator: str | None = None
    """Of the server with the bytes."""

    @property
    def holds_together(self) -> bool:
        """Whether ranges can be got apart, and it will be found out if they are not of one file."""
        return self.sha256 is not None or self.validator is not None


@dataclass(eq=False)
class Work:
    """All of it is guarded by `turn`, the writing too: so nothing is written for a claim that is void."""

    file: BinaryIO
    patience: Patience
    said: Known
    """By who asked for the file."""
    known: Known
    done: Ranges = field(default_factory=Ranges)
    turn: threading.Condition = field(default_factory=threading.Condition)
    claims: list[Claim] = field(default_factory=list)
    ranged: bool | None = None
    """Whether the server gives ranges that hold together; None while nobody knows."""
    error: BaseException | None = None
    closed: bool = False
    roomy: bool = False
    """Whether it was looked that the disk has room."""
    epoch: int = 0
    """Counts how often all was begun anew."""
    in_vain: int = 0
    """Failures since something came."""
    written: int = 0
    """Bytes, in this run."""
    synced: int = 0
    """Of those, that the disk has."""
    most_lines: int = LINES
    """Less where the server has too much to do."""
    _round: int = 0
    _not_before: float = 0.0

    @property
    def complete(self) -> bool:
        return self.known.n_bytes is not None and self.done.n_bytes >= self.known.n_bytes

    @property
    def over(self) -> bool:
        return self.closed or self.error is not None or self.complete

    @property
    def waits(self) -> bool:
        """For a server that was cut off or busy, or has not answered yet."""
        return bool(self.in_vain) or not self.roomy

    @property
    def n_lines(self) -> int:
        """How many have something to do: one while nothing is known."""
        n_bytes = self.known.n_bytes
        if n_bytes is None or not self.ranged:
            return 0 if self.complete else 1
        return min(LINES, -(-n_bytes // segment_bytes(n_bytes, LEAST_SEGMENT, MOST_SEGMENT, LINES)))

    def claim(self) -> Claim | None:
        """What a line is to get next; waits for it. None when there is nothing more to do."""
        with self.turn:
            while not self.over:
                pause = self._not_before - time.monotonic()
                if pause <= 0 and (found := self._next()) is not None:
                    self.claims.append(found)
                    return found
                self.turn.wait(pause if pause > 0 else None)
            return None

    def _next(self) -> Claim | None:
        # While it is not known what the server does, and after a failure, one line tries and the others wait.
        alone = not self.ranged or self.in_vain
        if len(self.claims) >= (1 if alone else self.most_lines):
            return None
        n_bytes = self.known.n_bytes
        if n_bytes is None:
            return Claim(0, NO_END if self.ranged is False else MOST_SEGMENT, self._round)
        most = n_bytes if self.ranged is False else segment_bytes(n_bytes, LEAST_SEGMENT, MOST_SEGMENT, LINES)
        span = next_span(self.done, ((claim.at, claim.end) for claim in self.claims), n_bytes, most)
        if span is not None:
            return Claim(*span, self._round)
        # What is left is others': of the one who has most, the back half is taken over.
        slowest = max(self.claims, key=lambda claim: claim.end - claim.at)
        if slowest.end - slowest.at < 2 * LEAST_SEGMENT:
            return None
        middle = (slowest.at + slowest.end) // 2
        found = Claim(middle, slowest.end, self._round)
        slowest.end = middle
        return found

    def keep(self, claim: Claim, piece: bytes) -> bool:
        """Writes what came for it; whether more is wanted. A disk that is nearly full takes a part of it first. Raises
        OSError."""
        with self.turn:
            self.turn.wait_for(lambda: self.over or self.written - self.synced < MOST_UNSYNCED)
            if self.closed or claim not in self.claims:
                return False
            rest = memoryview(piece)[: claim.end - claim.at]
            while rest:
                # Of a server without ranges, what was there before comes again.
                there = self.done.reach(claim.at) - claim.at
                if there:
                    n_bytes = min(there, len(rest))
                else:
                    self.file.seek(claim.at)
                    n_bytes = disk.write(self.file, rest)
                    self.done.add(claim.at, claim.at + n_bytes)
                    self.written += n_bytes
                    self._succeed()
                claim.at += n_bytes
                rest = rest[n_bytes:]
            if claim.at < claim.end:
                return True
            self._drop(claim)
            return False

    def _succeed(self) -> None:
        if self.in_vain:
            self.in_vain = 0
            self.turn.notify_all()

    def _drop(self, claim: Claim) -> None:
        self.claims.remove(claim)
        self.turn.notify_all()

    def ended(self, claim: Claim) -> bool:
        """That no more comes for it; whether that is right: of a file whose length nobody told, it is the end."""
        with self.turn:
            if claim not in self.claims or claim.end != NO_END or self.known.n_bytes is not None:
                return False
            self.known.n_bytes = claim.at
            self._drop(claim)
            return True

    def failed(self, claim: Claim, cut: CutError, *, counts: bool = True) -> None:
        """Gives it back, and has all wait a while; ends all where that was once too often."""
        with self.turn:
            if claim in self.claims:
                self._drop(claim)
            if not self.known.holds_together and self.done.n_bytes:
                self.restart(cut.failure)
            if not counts or claim.round != self._round or self.over:
                return
            self._round += 1
            self.in_vain += 1
            if cut.status in (429, 503):
                self.most_lines = max(1, len(self.claims))
            patience = self.patience
            if self.in_vain >= (patience.attempts if self.written else min(patience.attempts, patience.at_first)):
                self.end(cut.failure)
                return
            usual = min(patience.first * 2.0 ** (self.in_vain - 1), patience.most)
            wait = usual * random.uniform(0.5, 1.0) if cut.wait is None else cut.wait
            self._not_before = time.monotonic() + wait
            self.turn.notify_all()

    def restart(self, why: BaseException) -> None:
        """All that came is of another file than what will come. Not for ever: `why` ends it."""
        with self.turn:
            self.done = Ranges()
            self.known = replace(self.said)
            self.ranged = None if self.ranged else self.ranged
            self.claims.clear()
            self.file.truncate(0)
            self.epoch += 1
            if self.epoch >= self.patience.attempts:
                self.end(why)
            self.turn.notify_all()

    def end(self, error: BaseException) -> None:
        with self.turn:
            self.error = self.error or error
            self.turn.notify_all()

    @property
    def must_sync(self) -> bool:
        """Before the lines have to wait for it."""
        return self.written - self.synced >= MOST_UNSYNCED // 2

    def has_synced(self, written: int) -> None:
        """The disk has what had been written then."""
        with self.turn:
            self.synced = written
            self.turn.notify_all()

    def close(self) -> None:
        """After this nothing is written any more."""
        with self.turn:
            self.closed = True
            self.turn.notify_all()

    def wait(self, seconds: float) -> None:
        """Not longer than `seconds`, and not where all is over."""
        with self.turn:
            self.turn.wait_for(lambda: self.over, seconds)
