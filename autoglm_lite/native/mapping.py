"""The pages of a mapped model file that this process holds."""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from autoglm_lite.native.model import Model
from autoglm_lite.native.tensors import Place, tensor_places

_MAPS = Path("/proc/self/maps")


def release_unused(model: Model, path: str) -> int:
    """Gives back the pages of the model's mapped file that no tensor lies in: they were copied into another layout, or
    to a device. Returns how many bytes those are.

    Pages of tensors that stay are left as they are: what comes back to a mapping comes with its neighbours, two
    megabytes at a time. Does nothing where llama.cpp cannot be asked for its tensors or the system has no /proc.
    """
    places = tensor_places(model)
    if places is None:
        return 0
    real = os.path.realpath(path)
    libc = ctypes.CDLL(None, use_errno=True)
    n_bytes = 0
    for start, end, mapped in _read_only_mappings():
        if mapped == real:
            for gap in _gaps(start, end, places):
                size = gap.end - gap.start
                if libc.madvise(ctypes.c_void_p(gap.start), ctypes.c_size_t(size), mmap.MADV_DONTNEED) == 0:
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
