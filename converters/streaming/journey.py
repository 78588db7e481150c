"""How far a checkpoint has come from the hub into the result: one line for both, with the time left."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

from converters.progress import LOG_SECONDS, TERMINAL_SECONDS, cut, duration, size


class Journey:
    """Shows `fetched` bytes of the shards and `written` ones of the result on `stream`, again and again.

    `overlaps` says whether both go on at the same time: then the slower counts, and else both do.
    """

    def __init__(
        self,
        stream: TextIO,
        fetch: tuple[Callable[[], int], int],
        n_write: int,
        overlaps: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`fetch`: bytes that have come, and in all; `n_write`: bytes of the result."""
        self._stream, self._clock, self._overlaps = stream, clock, overlaps
        self._fetched, self._n_fetch = fetch
        self.written, self._n_write = 0, n_write
        self._terminal = stream.isatty()
        self._at = self._shown = clock()
        self._seconds = {"fetching": 0.0, "writing": 0.0}
        self._came: int | None = None
        self._begun: tuple[int, int] | None = None

    def wrote(self, written: int) -> None:
        """That much of the result is written now."""
        first, self.written = not self.written, written
        if first and self._begun is not None:
            # What was written in an earlier run says nothing of the speed.
            self._begun = (self._begun[0], written)
        self._look("" if first else "writing")

    def waiting(self) -> None:
        """Nothing can be done but wait for what comes."""
        self._look("waiting")

    def close(self) -> None:
        """Removes the redrawn line."""
        if self._terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def line(self) -> str:
        """What is shown."""
        fetched, written = self._fetched(), self.written
        begun = self._begun or (fetched, written)
        left = [
            _seconds_left(self._seconds["fetching"], fetched - begun[0], self._n_fetch - fetched),
            _seconds_left(self._seconds["writing"], written - begun[1], self._n_write - written),
        ]
        known = [one for one in left if one is not None]
        share = (fetched / max(self._n_fetch, 1) + written / max(self._n_write, 1)) / 2
        shown = f"{share:4.0%}  "
        if known:
            # Before the rest, which a narrow terminal has no room for.
            shown += f"{duration(max(known) if self._overlaps() else sum(known))} left  "
        shown += f"{size(fetched)} of {size(self._n_fetch)} fetched"
        if (speed := fetched - begun[0]) and self._seconds["fetching"]:
            shown += f" ({size(speed / self._seconds['fetching'])}/s)"
        return f"{shown}, {size(written)} of {size(self._n_write)} written"

    def _look(self, what: str) -> None:
        now, fetched = self._clock(), self._fetched()
        passed, self._at = now - self._at, now
        if self._begun is None and what:
            self._begun, self._came = (fetched, self.written), fetched
            return
        if what == "writing":
            self._seconds["writing"] += passed
        if what == "waiting" or fetched != self._came:
            self._seconds["fetching"] += passed
        self._came = fetched
        if now - self._shown < (TERMINAL_SECONDS if self._terminal else LOG_SECONDS):
            return
        self._shown = now
        line = self.line()
        self._stream.write(f"\r\x1b[K{cut(line, self._stream)}" if self._terminal else line + "\n")
        self._stream.flush()


def _seconds_left(seconds: float, done: int, left: int) -> float | None:
    """None while no speed is known."""
    if not left:
        return 0.0
    return seconds / done * left if seconds and done > 0 else None
