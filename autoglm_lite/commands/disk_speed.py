"""How fast a disk gives a file: measured in a third of a second past the page cache, and remembered for a day."""

from __future__ import annotations

import json
import mmap
import os
import time
from contextlib import suppress
from pathlib import Path

from autoglm_lite.paths import cache_dir, private_dir

PIECE_BYTES = 4 << 20
LEAST_FILE_BYTES = 64 << 20
"""Of a smaller file nobody waits for the loading."""
SECONDS = 0.3
SECONDS_KEPT = 24 * 3600


def read_speed(path: Path) -> float | None:
    """Bytes per second of reading `path` in order; None for a small file, or where the page cache is always used."""
    try:
        status = path.stat()
        if status.st_size < LEAST_FILE_BYTES:
            return None
        known = _remembered()
        device = str(status.st_dev)
        if device not in known:
            known[device] = measure(path, status.st_size)
            _remember(known)
    except (OSError, AttributeError):
        # AttributeError: a system without O_DIRECT.
        return None
    return known[device]


def measure(path: Path, n_bytes: int) -> float:
    """Reads pieces of the file from its middle on for SECONDS. Raises OSError, AttributeError."""
    file = os.open(path, os.O_RDONLY | os.O_DIRECT)
    # Memory that is a mapping of its own is aligned as O_DIRECT wants it.
    with mmap.mmap(-1, PIECE_BYTES) as piece:
        try:
            offset = n_bytes // 2 // PIECE_BYTES * PIECE_BYTES
            began, done = time.perf_counter(), 0
            while time.perf_counter() - began < SECONDS:
                n = os.preadv(file, [piece], offset)
                done += n
                offset = offset + n if n == PIECE_BYTES else 0
            return done / (time.perf_counter() - began)
        finally:
            os.close(file)


def _path() -> Path:
    return cache_dir() / "disks.json"


def _remembered() -> dict[str, float]:
    """Bytes per second by number of the device."""
    with suppress(OSError, ValueError):
        if time.time() - _path().stat().st_mtime < SECONDS_KEPT:
            found = json.loads(_path().read_bytes())
            if isinstance(found, dict) and all(isinstance(speed, float) and speed > 0 for speed in found.values()):
                return found
    return {}


def _remember(speeds: dict[str, float]) -> None:
    with suppress(OSError):
        private_dir(_path().parent)
        new = _path().with_name(f"disks.json.{os.getpid()}")
        new.write_text(json.dumps(speeds), encoding="utf-8")
        new.replace(_path())
