"""Tokens per second while they come."""

from __future__ import annotations

from collections import deque

WINDOW = 3.0
"""Seconds that are looked back on."""


class Speedometer:
    """Counts tokens over the last few seconds. Times in seconds, of any one clock."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def count(self, n_tokens: int, now: float) -> None:
        self._seen.append((now, n_tokens))
        while now - self._seen[0][0] > WINDOW:
            self._seen.popleft()

    def speed(self) -> float | None:
        """None until there is an interval to measure; the first tokens only mark its beginning."""
        if len(self._seen) < 2 or (passed := self._seen[-1][0] - self._seen[0][0]) <= 0:
            return None
        return sum(n for _, n in list(self._seen)[1:]) / passed
