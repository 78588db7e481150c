"""Which layers go to which device, as llama.cpp's loader wants to be told."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

from autoglm_lite.native.bindings import bindings
from autoglm_lite.native.devices import find_devices, functions

NOTHING = "^$"
"""Matches no tensor. With any override at all llama.cpp does not keep several copies of each device's inputs, which
answers to one user gain nothing from (pipeline_parallel in llama-context.cpp)."""


class _Override(ctypes.Structure):
    """struct llama_model_tensor_buft_override of llama.h."""

    _fields_ = (("pattern", ctypes.c_char_p), ("buft", ctypes.c_void_p))


class Offload:
    """Owns the arrays that the parameters point to: keep it until the model is loaded."""

    def __init__(self, devices: Sequence[tuple[str, str | None, int]], on_cpu: Sequence[str]) -> None:
        """`devices`: name, endpoint and number of layers of each. Raises LoadError for one that cannot be used."""
        handles = find_devices([(name, endpoint) for name, endpoint, _ in devices]) if devices else []
        # An empty list, unlike none, keeps llama.cpp from choosing devices by itself.
        self._handles = (ctypes.c_void_p * (len(handles) + 1))(*handles, None)
        layers = [n for _, _, n in devices]
        self._n_layers = sum(layers)
        # Exact counts: the loader compares (layer - first) / n with the running sums over n. The output layer is the
        # last device's.
        n_splits = max(len(layers), bindings().llama_max_devices())
        self._split = (ctypes.c_float * n_splits)(*layers[:-1], *(n + 1 for n in layers[-1:]))
        processor = functions().ggml_backend_cpu_buffer_type() if devices else None
        overrides = [_Override(pattern.encode(), processor) for pattern in (*on_cpu, NOTHING)]
        self._overrides = (_Override * (len(overrides) + 1))(*overrides, _Override(None, None))

    def apply(self, params: Any) -> None:
        """Sets the fields of a `llama_model_params`."""
        params.devices = ctypes.cast(self._handles, ctypes.c_void_p)
        if not self._n_layers:
            params.n_gpu_layers = 0
            return
        params.n_gpu_layers = self._n_layers + 1
        params.tensor_split = self._split
        params.tensor_buft_overrides = ctypes.cast(self._overrides, ctypes.c_void_p)
        # Else weights that stay here would go to the card's host buffer, where nothing is repacked.
        params.no_host = True
