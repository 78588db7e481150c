"""A context that writes: the KV cache of one model, and the batches that fill it."""

from __future__ import annotations

import ctypes
import os
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autoglm_lite.errors import LoadError
from autoglm_lite.native.computing import Aborted, AbortFlag, Computing
from autoglm_lite.native.model import Model
from autoglm_lite.native.node import EvalCallback, Observer

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class CacheFull(Exception):
    """The KV cache has no place for a batch; nothing was computed."""


@dataclass(frozen=True, slots=True)
class Part:
    """Tokens of one sequence in a batch, from `position` on; the logits of the last `n_outputs` are kept."""

    sequence: int
    tokens: Sequence[int]
    position: int
    n_outputs: int


class Context(Computing):
    """Owns a `llama_context`, whose KV cache of n_ctx tokens is shared by its sequences."""

    def __init__(
        self,
        model: Model,
        *,
        n_ctx: int,
        n_ubatch: int,
        threads: int,
        threads_batch: int,
        kv_type: str,
        n_outputs: int = 1,
        flash_attention: bool | None = None,
        cpus: Sequence[int] = (),
        observer: Observer | None = None,
        abort: AbortFlag | None = None,
        n_parallel: int = 1,
        n_idle: int = 0,
    ) -> None:
        """`n_parallel`: sequences of one batch; `n_idle`: others that are kept beside them, where a cache can be cut.
        `n_outputs`: most rows of logits that a decode keeps, at least one for each sequence.
        `flash_attention`: None leaves it to llama.cpp. `cpus`: the processors to compute on, where threads can be
        pinned; none leaves it to the system.

        Raises LoadError when the context cannot be made, which mostly means too little memory.
        """
        super().__init__(model, abort)
        self._callback = None if observer is None else EvalCallback(observer)
        self.n_sequences = n_parallel + (n_idle if self.can_be_cut else 0)
        self.n_ubatch = min(n_ubatch, n_ctx)
        params = self._params(
            n_ctx=n_ctx,
            n_ubatch=self.n_ubatch,
            n_seqs=self.n_sequences,
            kv_type=kv_type,
            flash_attention=flash_attention,
        )
        # One row of logits instead of n_ubatch: 280 MiB less for a vocabulary of 152k.
        params.n_outputs_max = self.n_outputs = max(min(n_outputs, self.n_ubatch), self.n_sequences)
        if self._callback is not None:
            params.cb_eval = self._callback.function
        self._open(params, threads, threads_batch, cpus)
        if not self._memory:
            self.close()
            raise LoadError("This model only makes embeddings, it cannot write: choose a chat model.")
        self.n_ctx: int = self._lib.llama_n_ctx(self.handle)
        for i in range(self.n_ubatch):
            self._batch.n_seq_id[i] = 1

    def decode(self, tokens: Sequence[int], position: int, *, n_outputs: int) -> None:
        """`decode_parts` for the first sequence alone."""
        self.decode_parts([Part(0, tokens, position, n_outputs)])

    def decode_parts(self, parts: Sequence[Part]) -> None:
        """Computes at most n_ubatch tokens of several sequences at once; they are numbered through, as `row` of a
        Sampler has it.

        Raises Aborted, CacheFull, LoadError when the backend fails, or what the observer raises.
        """
        batch, n = self._batch, sum(len(part.tokens) for part in parts)
        if not 0 < n <= self.n_ubatch:
            raise ValueError(f"a batch of {n} tokens, between 1 and {self.n_ubatch} are allowed")
        n_outputs = sum(part.n_outputs for part in parts)
        if n_outputs > self.n_outputs or any(not 0 <= part.n_outputs <= len(part.tokens) for part in parts):
            raise ValueError(f"logits of {n_outputs} tokens, at most {self.n_outputs} are allowed")
        i = 0
        for part in parts:
            first_output = len(part.tokens) - part.n_outputs
            for j, token in enumerate(part.tokens):
                batch.token[i] = token
                batch.pos[i] = part.position + j
                batch.seq_id[i][0] = part.sequence
                batch.logits[i] = j >= first_output
                i += 1
        batch.n_tokens = n
        status = self._lib.llama_decode(self.handle, batch)
        if self._callback is not None:
            self._callback.raise_failure()
        if status == 1:
            raise CacheFull
        if status == 2:
            raise Aborted
        if status != 0:
            raise LoadError(f"llama.cpp could not compute {n} tokens (status {status}).")

    def logits(self, n: int) -> npt.NDArray[np.float32]:
        """(n, n_vocab): of the `n` tokens that the last decode kept them for, valid until the next one."""
        import numpy as np

        rows = self._lib.llama_get_logits(self.handle)
        if not rows:
            raise LoadError("llama.cpp has computed no logits: this model cannot write.")
        return np.ctypeslib.as_array(rows, shape=(n, self._model.n_vocab))

    @property
    def can_be_cut(self) -> bool:
        """Whether the cache can go on from any of its tokens: recurrent layers and windows keep the last ones alone."""
        recurrent = self._lib.llama_model_is_recurrent(self._model.handle)
        return not (self._model.n_swa or recurrent or self._lib.llama_model_is_hybrid(self._model.handle))

    def state_bytes(self, sequence: int) -> int:
        """How large the state of a sequence's tokens is."""
        return int(self._lib.llama_state_seq_get_size(self.handle, sequence))

    def save_state(self, path: Path, sequence: int, tokens: array[int]) -> int:
        """Writes the state of a sequence, which holds `tokens`, to `path`; returns the file's bytes. Raises OSError."""
        pointer = (ctypes.c_int32 * len(tokens)).from_buffer(tokens)
        n_bytes = self._lib.llama_state_seq_save_file(self.handle, os.fsencode(path), sequence, pointer, len(tokens))
        if not n_bytes:
            raise OSError(f"llama.cpp could not write {path}")
        return int(n_bytes)

    def load_state(self, path: Path, sequence: int, n_tokens: int) -> bool:
        """Puts the state of `n_tokens` tokens that `save_state` wrote in place of a sequence, which is empty where that
        fails. The file must be whole: llama.cpp does not check it."""
        tokens, n_found = (ctypes.c_int32 * n_tokens)(), ctypes.c_size_t()
        load = self._lib.llama_state_seq_load_file
        n_bytes = load(self.handle, os.fsencode(path), sequence, tokens, n_tokens, ctypes.byref(n_found))
        last = self._lib.llama_memory_seq_pos_max(self._memory, sequence)
        if n_bytes and n_found.value == n_tokens and last == n_tokens - 1:
            return True
        self.drop(sequence)
        return False

    def share(self, source: int, target: int, n_tokens: int) -> None:
        """Lets the empty sequence `target` begin with the first tokens of `source`, at no cost; only where the cache
        can be cut."""
        self._lib.llama_memory_seq_cp(self._memory, source, target, 0, n_tokens)

    @property
    def can_shift(self) -> bool:
        """Whether tokens in the cache can be moved to other positions."""
        return self.can_be_cut and bool(self._lib.llama_memory_can_shift(self._memory))

    def take_out(self, sequence: int, start: int, end: int) -> None:
        """Drops the tokens from position `start` to `end` and moves those behind them up, which no other sequence may
        share. What they stood behind stays in their values: this is not what reading them again would give."""
        self._lib.llama_memory_seq_rm(self._memory, sequence, start, end)
        self._lib.llama_memory_seq_add(self._memory, sequence, end, -1, start - end)

    def drop(self, sequence: int) -> None:
        """Empties a sequence."""
        self._lib.llama_memory_seq_rm(self._memory, sequence, -1, -1)

    def forget_from(self, position: int, sequence: int = 0) -> int:
        """Drops a sequence from `position` on; returns the position to continue from.

        That is 0 where a part cannot be dropped: recurrent models, or a sliding window that has moved past it
        (the rule is that of llama.cpp's tools/server/server-context.cpp).
        """
        if position > 0 and self._lib.llama_memory_seq_rm(self._memory, sequence, position, -1):
            first_kept: int = self._lib.llama_memory_seq_pos_min(self._memory, sequence)
            if 0 <= first_kept <= max(0, position - max(self._model.n_swa, 1)):
                return position
        self.drop(sequence)
        return 0
