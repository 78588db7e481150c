"""How fast this machine reads memory: measured in a fifth of a second, and remembered for a day."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from autoglm_lite.commands.remembered import remember, remembered
from autoglm_lite.hardware.arrays import runs_numpy
from autoglm_lite.hardware.processor import read_processor

BUFFER_BYTES = 256 << 20
"""Much more than a processor's caches."""
LEAST_BUFFER_BYTES = 64 << 20
SHARE_OF_MEMORY = 8
"""The buffer is never more than this part of the memory that is free."""
SECONDS = 0.2
SECONDS_APART = 20.0
"""For a process that measures: one that hangs is given up."""
FILE = "bandwidth.json"
"""By the number of threads."""


def memory_bandwidth(threads: int, memory_available: int, *, now: bool = False) -> float | None:
    """Bytes per second that `threads` together read; None where that cannot be told. `now`: measured again, to stand
    beside other measurements of this minute."""
    known = remembered(FILE, str(threads))
    if known is not None and not now:
        return known
    n_bytes = min(BUFFER_BYTES, memory_available // SHARE_OF_MEMORY)
    # Memory too short to see past the caches, or a processor from before 2008: a plan can be made without.
    if n_bytes < LEAST_BUFFER_BYTES or not runs_numpy(read_processor(Path("/"))):
        return None
    measured = measure(threads, n_bytes)
    remember(FILE, str(threads), measured)
    return measured


def memory_bandwidth_apart(threads: int, memory_available: int) -> float | None:
    """The same, measured in a process of its own: this one stays without numpy and its 30 MB."""
    known = remembered(FILE, str(threads))
    if known is None:
        command = [sys.executable, "-m", __name__, str(threads), str(memory_available)]
        with suppress(OSError, subprocess.SubprocessError):
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS_APART, check=False)
        known = remembered(FILE, str(threads))
    return known


def measure(threads: int, n_bytes: int) -> float:
    """The fastest of the sweeps over a buffer of `n_bytes` that fit into SECONDS, each thread reading its part."""
    from concurrent.futures import ThreadPoolExecutor

    import numpy as np

    parts = np.array_split(np.ones(n_bytes // 8), threads)
    best = 0.0
    with ThreadPoolExecutor(threads) as pool:
        end = time.perf_counter() + SECONDS
        while not best or time.perf_counter() < end:
            began = time.perf_counter()
            # numpy lets go of the interpreter while it adds.
            list(pool.map(np.sum, parts))
            best = max(best, n_bytes / (time.perf_counter() - began))
    return best


if __name__ == "__main__":
    memory_bandwidth(int(sys.argv[1]), int(sys.argv[2]))
