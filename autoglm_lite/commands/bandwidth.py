"""How fast this machine reads memory: measured in a fifth of a second, and remembered for a day."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path

from autoglm_lite.hardware.arrays import runs_numpy
from autoglm_lite.hardware.processor import read_processor
from autoglm_lite.paths import cache_dir, private_dir

BUFFER_BYTES = 256 << 20
"""Much more than a processor's caches."""
LEAST_BUFFER_BYTES = 64 << 20
SHARE_OF_MEMORY = 8
"""The buffer is never more than this part of the memory that is free."""
SECONDS = 0.2
SECONDS_KEPT = 24 * 3600
"""So that a measurement beside another program's work does not stay."""


def memory_bandwidth(threads: int, memory_available: int) -> float | None:
    """Bytes per second that `threads` together read; None where that cannot be told."""
    path = cache_dir() / "bandwidth.json"
    known = _remembered(path, threads)
    if known is not None:
        return known
    n_bytes = min(BUFFER_BYTES, memory_available // SHARE_OF_MEMORY)
    # Memory too short to see past the caches, or a processor from before 2008: a plan can be made without.
    if n_bytes < LEAST_BUFFER_BYTES or not runs_numpy(read_processor(Path("/"))):
        return None
    measured = measure(threads, n_bytes)
    with suppress(OSError):
        private_dir(path.parent)
        new = path.with_name(f"{path.name}.{os.getpid()}")
        new.write_text(json.dumps({"threads": threads, "bytes_per_second": round(measured)}), encoding="utf-8")
        new.replace(path)
    return measured


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


def _remembered(path: Path, threads: int) -> float | None:
    try:
        if time.time() - path.stat().st_mtime > SECONDS_KEPT:
            return None
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(found, dict) or found.get("threads") != threads:
        return None
    speed = found.get("bytes_per_second")
    return float(speed) if isinstance(speed, int) and speed > 0 else None
