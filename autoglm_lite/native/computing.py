"""What every `llama_context` of ours has in common: how it is made, on which processors it computes, and its end."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

from autoglm_lite.errors import LoadError
from autoglm_lite.native.bindings import bindings
from autoglm_lite.native.model import Model
from autoglm_lite.native.threads import pin

GGML_TYPES = {"f32": 0, "f16": 1, "q8_0": 8}


class Aborted(Exception):
    """The computation was stopped by the abort flag; nothing is known of the places that it was to fill."""


class AbortFlag:
    """Stops a running computation from another thread.

    llama.cpp asks its abort callback before every node of the graph, 700 times a token for a 1.5B model. A Python
    function there would take the interpreter lock each time; the C library's `strlen` over two bytes answers 0 or 1.
    """

    def __init__(self) -> None:
        self._bytes = ctypes.create_string_buffer(2)
        self.callback = ctypes.cast(ctypes.CDLL(None).strlen, bindings().ggml_abort_callback)
        self.data = ctypes.cast(self._bytes, ctypes.c_void_p)

    def set(self) -> None:
        self._bytes[0] = b"\x01"

    def clear(self) -> None:
        self._bytes[0] = b"\x00"


class Computing:
    """Owns a `llama_context`, its batch and its threads."""

    def __init__(self, model: Model, abort: AbortFlag | None) -> None:
        self._lib = bindings()
        self._model = model
        self.abort = abort or AbortFlag()
        self.handle: Any = None
        self._memory: Any = None
        """None where the model keeps no keys and values."""

    def _params(self, *, n_ctx: int, n_ubatch: int, n_seqs: int, kv_type: str, flash_attention: bool | None) -> Any:
        """llama.cpp's, for batches that are one micro-batch."""
        params = self._lib.llama_context_default_params()
        params.n_ctx = n_ctx
        params.n_batch = params.n_ubatch = n_ubatch
        params.n_seq_max = n_seqs
        # One cache for all: sequences that begin alike share their places, and none is held free for nobody.
        params.kv_unified = True
        params.type_k = params.type_v = GGML_TYPES[kv_type]
        if flash_attention is not None:
            params.flash_attn_type = int(flash_attention)
        params.swa_full = False
        # Copying weights to a graphics card for each long batch takes memory there that the plan does not count.
        params.op_offload = False
        params.no_perf = True
        return params

    def _open(self, params: Any, threads: int, threads_batch: int, cpus: Sequence[int]) -> None:
        """Raises LoadError when the context cannot be made, which mostly means too little memory."""
        lib = self._lib
        params.n_threads, params.n_threads_batch = self._threads = threads, threads_batch
        self.handle = lib.llama_init_from_model(self._model.handle, params)
        if not self.handle:
            raise LoadError(f"llama.cpp cannot make a context of {params.n_ctx} tokens: try a smaller --ctx.")
        lib.llama_set_abort_callback(self.handle, self.abort.callback, self.abort.data)
        self._memory = lib.llama_get_memory(self.handle)
        self._batch = lib.llama_batch_init(params.n_batch, 0, 1)
        self._pool = pin(self.handle, cpus, max(threads, threads_batch))

    def close(self) -> None:
        if self.handle:
            if self._pool is not None:
                self._pool.close(self.handle)
            self._lib.llama_batch_free(self._batch)
            self._lib.llama_free(self.handle)
            self.handle = None

    def use_threads(self, threads: int, threads_batch: int) -> None:
        """From the next computation on; no more than the context was made with."""
        if self._threads != (threads, threads_batch):
            self._threads = threads, threads_batch
            self._lib.llama_set_n_threads(self.handle, threads, threads_batch)

    def wait(self) -> None:
        """Until all is computed that was asked for: a device goes on after the call has returned."""
        self._lib.llama_synchronize(self.handle)
