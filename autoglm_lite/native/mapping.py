"""The pages that this process holds: of a mapped model file, and of what was copied out of it."""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from autoglm_lite.native.model import Model
from autoglm_lite.native.tensors import Place, tensor_places

LEAST_BYTES = 64 << 10
"""What is less than this lies between tensors."""
LEAST_HUGE_BYTES = 16 << 20
"""More than the stack of a thread, of which little is used."""
_POPULATE_READ = 22
"""MADV_POPULATE_READ of Linux 5.14; mmap does not name it."""
_MAPS = Path("/proc/self/maps")


def release_unused(model: Model, path: str) -> int:
    """Gives back the pages of the model's mapped file that no tensor lies in: they were copied into another layout, or
    to a device. Returns how many bytes those are.

    Does nothing where llama.cpp cannot be asked for its tensors or the system has no /proc.
    """
    places = tensor_places(model)
    if places is None:
        return 0
    real = os.path.realpath(path)
    n_bytes = 0
    for start, end, mapped in read_only_mappings():
        gaps = list(_gaps(start, end, places)) if mapped == real else []
        if sum(gap.end - gap.start for gap in gaps) < LEAST_BYTES:
            continue
        # Linux 6.18 maps two megabytes at once where it can. Giving back a part of that unmaps the whole, and what is
        # then touched again comes back with all its neighbours: so it is brought back here, and they are given back.
        advise([Place(start, end)], mmap.MADV_NOHUGEPAGE)
        advise(gaps, mmap.MADV_DONTNEED)
        advise(_gaps(start, end, gaps), _POPULATE_READ)
        n_bytes += advise(gaps, mmap.MADV_DONTNEED)
    return n_bytes


def advise(places: Iterable[Place], advice: int) -> int:
    """Bytes for which the kernel took the advice."""
    libc = ctypes.CDLL(None)
    n_bytes = 0
    for place in places:
        size = place.end - place.start
        if libc.madvise(ctypes.c_void_p(place.start), ctypes.c_size_t(size), ctypes.c_int(advice)) == 0:
            n_bytes += size
    return n_bytes


def _gaps(start: int, end: int, places: Iterable[Place]) -> Iterator[Place]:
    """Whole pages from `start` to `end` that none of `places` touches."""
    at = start
    for place in sorted(places, key=lambda place: place.start):
        if place.end <= start or place.start >= end:
            continue
        first = max(start, place.start // mmap.PAGESIZE * mmap.PAGESIZE)
        if first > at:
            yield Place(at, first)
        at = max(at, -(-place.end // mmap.PAGESIZE) * mmap.PAGESIZE)
    if at < end:
        yield Place(at, end)


def whole_mapping(path: str, n_bytes: int) -> int | None:
    """Where the file of `n_bytes` is mapped from its beginning to its end; None if it is nowhere."""
    for start, end, mapped in read_only_mappings():
        if mapped == path and end - start >= n_bytes:
            return start
    return None


def read_only_mappings() -> Iterator[tuple[int, int, str]]:
    """Start, end and file. Pages that were written to are no mapping of a file's alone and would be lost."""
    for start, end, permissions, name in _mappings():
        if name and permissions.startswith("r--"):
            yield start, end, name


def anonymous_mappings() -> list[Place]:
    """What this process has allocated in large pieces."""
    return [Place(start, end) for start, end, permissions, name in _mappings() if permissions == "rw-p" and not name]


def prefer_huge_pages(known: Iterable[Place]) -> int:
    """Asks the kernel for pages of two megabytes wherever large memory was allocated since there was only what is
    `known`; it gives them to what has not been written to yet. Returns for how many bytes.

    A processor that reads all weights for each token looks up far fewer addresses so: 4 % more tokens a second on a
    virtual machine (docs/performance.md). Most systems give such pages only where they are asked for (Linux,
    Documentation/admin-guide/mm/transhuge.rst).
    """
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return 0
    places = list(known)
    new = [gap for place in anonymous_mappings() for gap in _gaps(place.start, place.end, places)]
    return advise((gap for gap in new if gap.end - gap.start >= LEAST_HUGE_BYTES), mmap.MADV_HUGEPAGE)


def _mappings() -> Iterator[tuple[int, int, str, str]]:
    """Start, end, permissions and file, "" for none."""
    try:
        lines = os.fsdecode(_MAPS.read_bytes()).split("\n")
    except OSError:
        return
    for line in lines:
        words = line.split(maxsplit=5)
        if len(words) >= 5:
            start, end = (int(word, 16) for word in words[0].split("-"))
            yield start, end, words[1], words[5].replace("\\012", "\n") if len(words) == 6 else ""
