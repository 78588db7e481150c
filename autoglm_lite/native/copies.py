"""Pages of a mapped file given back while llama.cpp copies tensors out of them, so that not all are held twice."""

from __future__ import annotations

import ctypes
import mmap
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from autoglm_lite.native.bindings import bindings
from autoglm_lite.native.mapping import advise, whole_mapping
from autoglm_lite.native.tensors import Place

_COPIES = re.compile(rb"repack tensor (\S+) with ")
"""What ggml writes when it begins to copy a tensor into another layout (repack.cpp)."""
ALIGNMENT = 64
"""Tensors that lie closer than this have nothing between them."""
_LOOKED_UP = b"token_embd."
"""Its rows are taken out of the file also where it is copied, to be the output matrix."""


class _InitParams(ctypes.Structure):
    """gguf_init_params."""

    _fields_ = (("no_alloc", ctypes.c_bool), ("context", ctypes.c_void_p))


@contextmanager
def returning_copied(path: str) -> Iterator[None]:
    """While a model is loaded from `path` within: what was copied is given back at once, to the page cache's loss as
    well. Does nothing where the system cannot."""
    places = tensor_ranges(path) if hasattr(os, "posix_fadvise") else {}
    if not places:
        yield
        return
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    copied = _Copied(path, file, places)
    try:
        with _log_to(copied.take):
            yield
    finally:
        os.close(file)


class _Copied:
    def __init__(self, path: str, file: int, places: dict[bytes, Place]) -> None:
        self._real = os.path.realpath(path)
        self._file = file
        self._places = places
        self._base: int | None = None
        self._last: Place | None = None
        """What is being copied now, with those before it in the file that were."""

    def take(self, line: bytes) -> None:
        """A line of llama.cpp's log."""
        found = _COPIES.search(line)
        place = self._places.get(found[1]) if found and not found[1].startswith(_LOOKED_UP) else None
        if place is None:
            return
        last, self._last = self._last, place
        if last is not None:
            self._give_back(last)
            if 0 <= place.start - last.end < ALIGNMENT:
                # The page that both lie in, and large pages, go with the second.
                self._last = Place(last.start, place.end)

    def _give_back(self, place: Place) -> None:
        if self._base is None:
            # Another model of the same file may have given back parts of its mapping.
            self._base = whole_mapping(self._real, os.fstat(self._file).st_size) or 0
        if not self._base:
            return
        start = -(-place.start // mmap.PAGESIZE) * mmap.PAGESIZE
        end = place.end // mmap.PAGESIZE * mmap.PAGESIZE
        if start < end:
            advise([Place(self._base + start, self._base + end)], mmap.MADV_DONTNEED)
            os.posix_fadvise(self._file, start, end - start, os.POSIX_FADV_DONTNEED)


def tensor_ranges(path: str) -> dict[bytes, Place]:
    """Where each tensor lies in the GGUF file, by its name; empty where llama.cpp cannot read it."""
    library: Any = bindings()._lib
    for name, kind in (
        ("gguf_init_from_file", ctypes.c_void_p),
        ("gguf_get_n_tensors", ctypes.c_int64),
        ("gguf_get_data_offset", ctypes.c_size_t),
        ("gguf_get_tensor_name", ctypes.c_char_p),
        ("gguf_get_tensor_offset", ctypes.c_size_t),
        ("gguf_get_tensor_size", ctypes.c_size_t),
    ):
        getattr(library, name).restype = kind
    library.gguf_init_from_file.argtypes = (ctypes.c_char_p, _InitParams)
    handle = library.gguf_init_from_file(os.fsencode(path), _InitParams(True, None))
    if not handle:
        return {}
    held = ctypes.c_void_p(handle)
    base = library.gguf_get_data_offset(held)
    found = {}
    for i in map(ctypes.c_int64, range(library.gguf_get_n_tensors(held))):
        start = base + library.gguf_get_tensor_offset(held, i)
        found[library.gguf_get_tensor_name(held, i)] = Place(start, start + library.gguf_get_tensor_size(held, i))
    library.gguf_free(held)
    return found


@contextmanager
def _log_to(take: Callable[[bytes], None]) -> Iterator[None]:
    """Each piece of llama.cpp's log is also given to `take`; it goes to stderr as it would without."""
    lib = bindings()

    def write(_level: int, text: bytes, _user_data: object) -> None:
        os.write(2, text)
        take(text)

    callback = lib.llama_log_callback(write)
    lib.llama_log_set(callback, None)
    try:
        yield
    finally:
        lib.llama_log_set(lib.llama_log_callback(), None)
