"""Whether NumPy runs on this processor: where it does not, importing it fails or ends the process."""

from __future__ import annotations

import sys
from pathlib import Path

from autoglm_lite.errors import AutoglmError
from autoglm_lite.hardware.processor import Processor, read_processor

NO_NUMPY = "This needs NumPy, and NumPy a processor with SSE4.2 and POPCNT, which this one lacks; chat works without."
_NEEDS = frozenset({"ssse3", "sse4_1", "sse4_2", "popcnt"})
"""What NumPy's wheels are compiled for since 2.4 (x86-64-v2)."""
_EASY: bool = sys.version_info < (3, 11)
"""Python 3.10 has NumPy 2.2, which any x86-64 runs."""


def runs_numpy(processor: Processor) -> bool:
    if not processor.x86 or not processor.words or _EASY:
        return True
    return processor.words >= _NEEDS


def refuse_without_numpy() -> None:
    """Raises AutoglmError where NumPy would end this process."""
    if not runs_numpy(read_processor(Path("/"))):
        raise AutoglmError(NO_NUMPY)
