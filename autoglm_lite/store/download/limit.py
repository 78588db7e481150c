"""A speed that downloads keep to, so that others can use the line too."""

from __future__ import annotations

import threading
import time

PARTS_OF_A_SECOND = 8


class Limit:
    """Bytes per second, shared by all threads that ask it."""

    def __init__(self, bytes_per_second: float) -> None:
        self._rate = bytes_per_second
        self._lock = threading.Lock()
        self._free = 0.0
        """When the line is free again, as time.monotonic() counts."""

    def piece(self, most: int) -> int:
        """Bytes to ask for at once, so that the speed is even within a second; `most` at most."""
        return max(1, min(most, int(self._rate / PARTS_OF_A_SECOND)))

    def take(self, n_bytes: int, stop: threading.Event) -> None:
        """Waits as long as `n_bytes` that have just come have to take; not longer than until `stop` is set."""
        with self._lock:
            now = time.monotonic()
            self._free = max(self._free, now - 1 / PARTS_OF_A_SECOND) + n_bytes / self._rate
            seconds = self._free - now
        if seconds > 0:
            stop.wait(seconds)
