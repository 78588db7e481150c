"""A speed that downloads keep to, so that others can use the line too."""

from __future__ import annotations

import threading
import time

PIECES_A_SECOND = 8


class Limit:
    """Bytes per second, shared by all threads that ask it."""

    def __init__(self, bytes_per_second: float) -> None:
        self._rate = bytes_per_second
        self._lock = threading.Lock()
        self._free = 0.0
        """When the line is free again, as time.monotonic() counts."""

    def piece(self, most: int) -> int:
        """Bytes to ask for at once, so that the speed is even within a second; `most` at most."""
        return max(1, min(most, int(self._rate / PIECES_A_SECOND)))

    def take(self, n_bytes: int, stop: threading.Event) -> None:
        """Waits until as much time has gone as `n_bytes`, which have just come, have to take; or until `stop`."""
        stop.wait(self.seconds(n_bytes, time.monotonic()))

    def seconds(self, n_bytes: int, now: float) -> float:
        """To wait. Time in which nothing came is not made up for, but for a moment."""
        with self._lock:
            self._free = max(self._free, now - 1 / PIECES_A_SECOND) + n_bytes / self._rate
            return max(0.0, self._free - now)
