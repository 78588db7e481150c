"""How far other programs come before this process."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

AUTOGROUP = Path("/proc/self/autogroup")
"""The kernel's own group for the programs of one session (sched(7)), which a worker has for itself. Where it is in use,
the niceness of threads counts inside of the session only."""


def set_nice(nice: int) -> None:
    """Sets the niceness of the session and of each thread, 0 to 19. Without the right to (RLIMIT_NICE), threads are not
    brought back to a lower one, and stay as they are; the session always is.

    To Linux a niceness belongs to a thread; those started later have that of the thread that starts them.
    """
    with suppress(OSError):
        AUTOGROUP.write_text(str(nice))
    for thread in _threads():
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, nice)


def _threads() -> list[int]:
    try:
        return [int(entry.name) for entry in Path("/proc/self/task").iterdir()]
    except OSError:
        return [0]
