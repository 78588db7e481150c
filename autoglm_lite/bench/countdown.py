"""The time that is left of a work in steps whose seconds were estimated."""

from __future__ import annotations

import time
from collections.abc import Callable


class Countdown:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends = clock()
        self._later = 0.0

    def begin(self, seconds: float, later: float) -> None:
        """A step of about `seconds`, after which others take `later` seconds."""
        self._ends, self._later = self._clock() + seconds, later

    @property
    def left(self) -> float:
        """Seconds; a step that takes longer than was thought does not count against those after it."""
        return max(self._ends - self._clock(), 0.0) + self._later
