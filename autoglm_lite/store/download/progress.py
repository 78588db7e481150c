"""How far a download is, and how long it waits for what."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

SECONDS_OF_SPEED = 8.0

State = Literal["taken", "waiting", "checking", "getting", "done"]


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds, and how often in a row nothing may come: a line that has worked is waited for a quarter of an hour."""

    stall: float = 30.0
    first: float = 1.0
    most: float = 60.0
    attempts: int = 20
    at_first: int = 6
    """Attempts, while nothing has come at all."""


USUAL = Patience()


@dataclass(frozen=True, slots=True)
class Progress:
    """`taken`: another program gets it. `waiting`: for a server that was cut off or busy. `checking`: all is there, and
    its SHA-256 is computed; `done` then counts what that covers."""

    state: State
    done: int
    total: int
    """Bytes; 0 while nobody has said."""
    bytes_per_second: float | None = None

    @property
    def seconds_left(self) -> float | None:
        return (self.total - self.done) / self.bytes_per_second if self.bytes_per_second else None


class Speed:
    """Over the last seconds."""

    def __init__(self) -> None:
        self._counts: deque[tuple[float, int]] = deque()

    def count(self, done: int, now: float) -> float | None:
        """Bytes per second; None in the first moment."""
        self._counts.append((now, done))
        while now - self._counts[0][0] > SECONDS_OF_SPEED:
            self._counts.popleft()
        began, first = self._counts[0]
        return (done - first) / (now - began) if now - began > 0.5 else None
