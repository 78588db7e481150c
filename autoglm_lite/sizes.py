"""Sizes as people write them: `3.5GB`, `800MiB`, or a number of bytes."""

from __future__ import annotations

import re

_UNITS = {"": 1, "b": 1} | {
    (prefix + unit).lower(): base**power
    for unit, base in (("B", 1000), ("iB", 1024))
    for power, prefix in enumerate("KMGT", start=1)
}
_MOST = 1 << 63


def parse_size(text: str) -> int:
    """Bytes. Raises ValueError with what is wrong, for the end of a sentence."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", text)
    unit = _UNITS.get(match[2].lower()) if match else None
    if match is None or unit is None:
        raise ValueError(f"{text!r} is no size: write it like 3.5GB, 800MiB or a number of bytes")
    number = float(match[1]) * unit
    if number >= _MOST:
        raise ValueError(f"{text[:20]}… is more than any computer has")
    return int(number)
