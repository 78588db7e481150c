"""How fast a model is being loaded, and how long that will still take."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

LEAST_SECONDS = 0.5
"""Before that the speed is a guess."""


@dataclass(frozen=True, slots=True)
class Pace:
    share: float
    bytes_per_second: float | None
    """Of the model's file; None in the first moment."""
    seconds_left: float | None


class Loading:
    """Of one model that may be loaded again and again. The shares that a worker tells are those of the time, so what is
    left follows from them."""

    def __init__(self, n_bytes: int) -> None:
        """`n_bytes`: of the model's file. The first loading begins now."""
        self._n_bytes = n_bytes
        self._began = monotonic()
        self._share = 0.0

    def pace(self, share: float) -> Pace:
        if share < self._share:
            self._began = monotonic()
        self._share = share
        return pace(share, monotonic() - self._began, self._n_bytes)


def pace(share: float, seconds: float, n_bytes: int) -> Pace:
    """After `seconds` in which `share` (0 to 1) of a file of `n_bytes` was loaded."""
    if seconds < LEAST_SECONDS or share <= 0:
        return Pace(share, None, None)
    return Pace(share, share * n_bytes / seconds, seconds * (1 - share) / share)
