"""How fast a disk gives a file: measured in a third of a second past the page cache, and remembered for a day."""

from __future__ import annotations

import mmap
import os
import time
from pathlib import Path

from autoglm_lite.commands.remembered import remember, remembered

PIECE_BYTES = 4 << 20
LEAST_FILE_BYTES = 64 << 20
"""Of a smaller file nobody waits for the loading."""
SECONDS = 0.3
FILE = "disks.json"
"""By the number of the device."""


def read_speed(path: Path) -> float | None:
    """Bytes per second of reading `path` in order; None for a small file, or where the page cache is always used."""
    try:
        status = path.stat()
        if status.st_size < LEAST_FILE_BYTES:
            return None
        device = str(status.st_dev)
        known = remembered(FILE, device)
        if known is None:
            known = measure(path, status.st_size)
            remember(FILE, device, known)
    except (OSError, AttributeError):
        # AttributeError: a system without O_DIRECT.
        return None
    return known


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
