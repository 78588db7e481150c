"""The time that is left, from what each step was expected to take and what those before it took."""

from __future__ import annotations

import time
from collections.abc import Callable


class Countdown:
    """Over steps whose seconds were estimated."""

    def __init__(self, total: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._total = total
        self._clock = clock
        self._done = 0.0
        """Of the estimate, before this step."""
        self._spent = 0.0
        self._step = 0.0
        self._began = clock()

    def begin(self, seconds: float) -> None:
        """The step before has ended, and one of about `seconds` begins."""
        now = self._clock()
        self._spent += now - self._began
        self._done += self._step
        self._step, self._began = seconds, now

    @property
    def left(self) -> float:
        """Seconds, at least 0; corrected by how long the steps before have taken."""
        scale = self._spent / self._done if self._done > 0 else 1.0
        step = max(self._step * scale - (self._clock() - self._began), 0.0)
        return step + max(self._total - self._done - self._step, 0.0) * scale
