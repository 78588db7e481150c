"""The heap of this process, which llama.cpp takes its memory from too."""

from __future__ import annotations

import ctypes
import mmap
import sys


def return_freed_memory() -> None:
    """Gives what was freed back to the system: glibc keeps blocks under 32 MB, as buffers of small models are."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def give_back_zeros(address: int, n_bytes: int) -> None:
    """Gives the whole pages back that lie in this part of memory, which nobody reads but for zeros: touched again, they
    are zeros. Does nothing on other systems than Linux."""
    start = -(-address // mmap.PAGESIZE) * mmap.PAGESIZE
    size = (address + n_bytes) // mmap.PAGESIZE * mmap.PAGESIZE - start
    if size > 0 and sys.platform.startswith("linux"):
        ctypes.CDLL(None).madvise(ctypes.c_void_p(start), ctypes.c_size_t(size), ctypes.c_int(mmap.MADV_DONTNEED))
