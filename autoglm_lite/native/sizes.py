"""What llama.cpp itself says a model and its context will take, without allocating them."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from autoglm_lite.native.bindings import bindings
from autoglm_lite.native.context import Context
from autoglm_lite.native.embedding_context import EmbeddingContext

_SYMBOL = "_Z26llama_get_memory_breakdownPK13llama_context"
"""llama_get_memory_breakdown of llama-ext.h, as C++ names it."""


@dataclass(frozen=True, slots=True)
class BufferSize:
    """Bytes that llama.cpp takes of one type of buffer: CPU, CPU_REPACK, CUDA0, RPC0[…]."""

    name: str
    weights: int
    kv: int
    compute: int


class _Node(ctypes.Structure):
    """A node of libstdc++'s std::map<ggml_backend_buffer_type_t, llama_memory_breakdown_data>."""

    _fields_ = (
        ("colour", ctypes.c_size_t),
        ("parent", ctypes.c_void_p),
        ("left", ctypes.c_void_p),
        ("right", ctypes.c_void_p),
        ("buffer_type", ctypes.c_void_p),
        ("weights", ctypes.c_size_t),
        ("kv", ctypes.c_size_t),
        ("compute", ctypes.c_size_t),
    )


class _Map(ctypes.Structure):
    """The std::map itself: its header node follows the (empty) comparison."""

    _fields_ = (
        ("compare", ctypes.c_size_t),
        ("colour", ctypes.c_size_t),
        ("root", ctypes.c_void_p),
        ("first", ctypes.c_void_p),
        ("last", ctypes.c_void_p),
        ("count", ctypes.c_size_t),
    )


def buffer_sizes(context: Context | EmbeddingContext) -> list[BufferSize] | None:
    """By type of buffer; None where the library cannot be asked, which is so but for Linux and libstdc++.

    The map's few nodes are not freed: that would take its destructor, which is nowhere exported.
    """
    library: Any = bindings()._lib
    if not sys.platform.startswith("linux") or not hasattr(library, _SYMBOL):
        return None
    # A class that is returned by value is written where the hidden first argument points (Itanium C++ ABI).
    found = _Map()
    ask = library[_SYMBOL]
    ask.restype, ask.argtypes = None, (ctypes.POINTER(_Map), ctypes.c_void_p)
    ask(ctypes.byref(found), context.handle)
    name = library.ggml_backend_buft_name
    name.restype, name.argtypes = ctypes.c_char_p, (ctypes.c_void_p,)
    return [
        BufferSize(name(node.buffer_type).decode(), node.weights, node.kv, node.compute) for node in _nodes(found.root)
    ]


def _nodes(address: int | None) -> Iterator[_Node]:
    """In order of their keys."""
    if address:
        node = _Node.from_address(address)
        yield from _nodes(node.left)
        yield node
        yield from _nodes(node.right)
