"""The pages of a mapped file that this process holds."""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Iterator
from pathlib import Path

_MAPS = Path("/proc/self/maps")


def release(path: str) -> int:
    """Gives back the pages of the read-only mappings of the file `path`; returns how many bytes are mapped.

    What is read again comes from the page cache or the file; what is not (weights that were copied into another
    layout or to a device) takes no memory of this process any more. Does nothing where the system has no /proc.
    """
    real = os.path.realpath(path)
    libc = ctypes.CDLL(None, use_errno=True)
    n_bytes = 0
    for start, end, mapped in _read_only_mappings():
        if mapped == real:
            address, size = ctypes.c_void_p(start), ctypes.c_size_t(end - start)
            if libc.madvise(address, size, ctypes.c_int(mmap.MADV_DONTNEED)) == 0:
                n_bytes += end - start
    return n_bytes


def _read_only_mappings() -> Iterator[tuple[int, int, str]]:
    """Start, end and file. Pages that were written to are no mapping of a file's alone and would be lost."""
    try:
        lines = os.fsdecode(_MAPS.read_bytes()).split("\n")
    except OSError:
        return
    for line in lines:
        words = line.split(maxsplit=5)
        if len(words) == 6 and words[1].startswith("r--"):
            start, end = (int(word, 16) for word in words[0].split("-"))
            yield start, end, words[5].replace("\\012", "\n")
