"""Whether the panel is folded, which is remembered: for wide terminals and for narrow ones."""

from __future__ import annotations

import json
from contextlib import suppress

from autoglm_lite.paths import private_dir, state_dir
from autoglm_lite.replacing import replace_file

WIDE = 100
"""Cells, from which on the panel stands beside the conversation."""
UNFOLDED_FROM = WIDE
"""Cells, from which on it is unfolded as long as nobody has folded it."""
FILE = "panel.json"


def _names(width: int) -> str:
    return "wide" if width >= WIDE else "narrow"


def is_folded(width: int) -> bool:
    """On a terminal of `width` cells; where nothing is remembered, on narrow ones."""
    return _remembered().get(_names(width), width < UNFOLDED_FROM)


def remember(width: int, *, folded: bool) -> None:
    """For all terminals as wide, or as narrow, if the disk takes it."""
    known = {**_remembered(), _names(width): folded}
    path = state_dir() / FILE
    with suppress(OSError):
        private_dir(path.parent)
        replace_file(path, json.dumps(known).encode(), durable=False)


def _remembered() -> dict[str, bool]:
    with suppress(OSError, ValueError):
        found = json.loads((state_dir() / FILE).read_bytes())
        if isinstance(found, dict):
            return {name: folded for name, folded in found.items() if isinstance(folded, bool)}
    return {}
