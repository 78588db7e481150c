"""Where the tensors of a loaded model lie in memory."""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass
from typing import Any

from autoglm_lite.native.bindings import bindings
from autoglm_lite.native.model import Model
from autoglm_lite.native.node import TENSOR_DATA

_SYMBOL = "_Z29llama_internal_get_tensor_mapB5cxx11PK11llama_model"
"""llama_internal_get_tensor_map of llama-model.h, as libstdc++ names it."""


class _Pair(ctypes.Structure):
    """std::pair<std::string, ggml_tensor *> of libstdc++."""

    _fields_ = (("text", ctypes.c_char * 32), ("tensor", ctypes.c_void_p))


class _Vector(ctypes.Structure):
    """std::vector of libstdc++."""

    _fields_ = (("begin", ctypes.c_void_p), ("end", ctypes.c_void_p), ("capacity", ctypes.c_void_p))


@dataclass(frozen=True, slots=True)
class Place:
    """Addresses of a tensor's values, from `start` up to `end`; for one on a device they mean nothing here."""

    start: int
    end: int


def tensor_places(model: Model) -> list[Place] | None:
    """Of all tensors of the model; None where the library cannot be asked, which is so but for Linux and libstdc++."""
    library: Any = bindings()._lib
    if not sys.platform.startswith("linux") or not hasattr(library, _SYMBOL):
        return None
    ask = library[_SYMBOL]
    ask.restype, ask.argtypes = ctypes.POINTER(_Vector), (ctypes.c_void_p,)
    vector = ask(model.handle).contents
    if not vector.begin:
        return []
    n = (vector.end - vector.begin) // ctypes.sizeof(_Pair)
    size = library.ggml_nbytes
    size.restype, size.argtypes = ctypes.c_size_t, (ctypes.c_void_p,)
    places = []
    for pair in (_Pair * n).from_address(vector.begin):
        start = ctypes.c_void_p.from_address(pair.tensor + TENSOR_DATA).value
        if start:
            places.append(Place(start, start + size(pair.tensor)))
    return places
