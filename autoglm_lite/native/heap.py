"""The heap that llama.cpp and this process share."""

from __future__ import annotations

import ctypes


def return_freed_memory() -> None:
    """Gives what was freed back to the system: glibc keeps blocks under 32 MB, as buffers of small models are."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
