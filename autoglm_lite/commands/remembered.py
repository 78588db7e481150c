"""Speeds of this machine that were measured, each remembered for a day in a file of the cache folder."""

from __future__ import annotations

import json
import time
from contextlib import suppress

from autoglm_lite.paths import cache_dir, private_dir
from autoglm_lite.replacing import replace_file

SECONDS_KEPT = 24 * 3600
"""So that a measurement beside another program's work does not stay."""


def remembered(file: str, key: str) -> float | None:
    """What was measured of `key` in the last day; None without, or where the file is damaged."""
    return _read(file).get(key, (None, 0.0))[0]


def remember(file: str, key: str, speed: float) -> None:
    """Keeps `speed` with what else is known, if the disk takes it."""
    known = {**_read(file), key: (speed, time.time())}
    path = cache_dir() / file
    with suppress(OSError):
        private_dir(path.parent)
        replace_file(path, json.dumps(known).encode(), durable=False)


def _read(file: str) -> dict[str, tuple[float, float]]:
    """Speeds and when they were measured, by key."""
    oldest, fresh = time.time() - SECONDS_KEPT, {}
    with suppress(OSError, ValueError, TypeError, AttributeError):
        for key, (speed, measured) in json.loads((cache_dir() / file).read_bytes()).items():
            if speed > 0 and measured > oldest:
                fresh[str(key)] = (float(speed), float(measured))
    return fresh
