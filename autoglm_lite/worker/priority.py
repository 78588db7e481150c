"""How far other programs come before this process."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

AUTOGROUP = Path("/proc/self/autogroup")
"""The kernel's own group for the programs of one session (sched(7)), which a worker has for itself. Where it is in use,
the niceness of threads counts inside of the session only."""
MOST = 19


class Priority:
    """Of this process, beginning with that which the user has given it."""

    def __init__(self) -> None:
        self._given = os.getpriority(os.PRIO_PROCESS, 0)

    def lower(self, nice: int) -> None:
        """By so much below the one given; 0 brings it back. Without the right to (RLIMIT_NICE), threads cannot be
        brought back, and stay as they are; the session always can.

        To Linux a niceness belongs to a thread; those started later have that of the thread that starts them.
        """
        with suppress(OSError):
            AUTOGROUP.write_text(str(nice))
        for thread in _threads():
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, thread, min(self._given + nice, MOST))


def _threads() -> list[int]:
    try:
        return [int(entry.name) for entry in Path("/proc/self/task").iterdir()]
    except OSError:
        return [0]
