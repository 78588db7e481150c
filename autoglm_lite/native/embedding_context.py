"""A context that makes one result of each text: a vector, or the scores of a classifier."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from itertools import islice

from autoglm_lite.errors import LoadError
from autoglm_lite.heap import give_back_zeros
from autoglm_lite.native.computing import Aborted, AbortFlag, Computing
from autoglm_lite.native.model import Model

UNSPECIFIED, NONE, MEAN, _CLS, _LAST, RANK = range(-1, 5)
"""LLAMA_POOLING_TYPE_*."""


class EmbeddingContext(Computing):
    """A context that pools. An encoder takes its texts in one micro-batch; a decoder in as many as it
    needs, and keeps their keys and values until their last tokens have been computed."""

    def __init__(
        self,
        model: Model,
        *,
        n_ctx: int,
        n_ubatch: int,
        n_seqs: int,
        encoder: bool,
        threads: int,
        kv_type: str = "f16",
        flash_attention: bool | None = None,
        cpus: Sequence[int] = (),
        abort: AbortFlag | None = None,
    ) -> None:
        """`n_ctx`: tokens of all texts of a batch together; `n_seqs`: texts of a batch. `encoder`: the model keeps no
        keys and values, and all of a batch is one micro-batch. The rest is as of Context. Raises LoadError."""
        super().__init__(model, abort)
        self._most_rows = 0
        self._encoder = encoder
        most = n_ctx if encoder else min(n_ubatch, n_ctx)
        self._n_ctx, self.n_seqs = n_ctx, min(n_seqs, most)
        # llama.cpp reserves for as many tokens of each sequence, and aborts where that is more than a micro-batch.
        self._n_ubatch = -(-most // self.n_seqs) * self.n_seqs
        params = self._params(
            n_ctx=n_ctx,
            n_ubatch=self._n_ubatch,
            n_seqs=self.n_seqs,
            kv_type=kv_type,
            flash_attention=flash_attention,
        )
        # Of a decoder only the last token of each text: see `compute`.
        params.n_outputs_max = self._n_ubatch if encoder else self.n_seqs
        params.embeddings = True
        self._open(params, threads, threads, cpus)
        if encoder and self._pooling == NONE:
            # Vectors of single tokens are of no use: as where such models are trained further, their mean is.
            self.close()
            params.pooling_type = MEAN
            self._open(params, threads, threads, cpus)
        if encoder == bool(self._memory):
            self.close()
            raise LoadError("This model does not compute as its file says: take another one.")
        ranks = self._pooling == RANK
        count = self._lib.llama_model_n_cls_out if ranks else self._lib.llama_model_n_embd_out
        self.n_values: int = count(model.handle)
        """Of one text's result."""

    @property
    def _pooling(self) -> int:
        return int(self._lib.llama_pooling_type(self.handle))

    def compute(self, texts: Sequence[Sequence[int]]) -> list[list[float]]:
        """The result of each text, (n_texts, n_values), as llama.cpp gives it: vectors are of any length.

        `texts` are at most n_seqs, none is empty, and together they are at most n_ctx tokens. Raises Aborted, or
        LoadError when the backend fails.
        """
        n_tokens = sum(map(len, texts))
        if not (0 < len(texts) <= self.n_seqs and all(texts) and n_tokens <= self._n_ctx):
            raise ValueError(
                f"a batch of {len(texts)} texts of {n_tokens} tokens, {self.n_seqs} may have {self._n_ctx}"
            )
        tokens = [(token, i, n) for n, text in enumerate(texts) for i, token in enumerate(text)]
        if self._encoder:
            self._decode(tokens, results=True)
            self._give_rows_back(n_tokens)
        else:
            # With embeddings wanted llama.cpp computes the logits of every token, which for a small model with a large
            # vocabulary is a third of the work; so they are only for the last tokens, for which all others are kept.
            self._lib.llama_memory_clear(self._memory, True)
            last = [(text[-1], len(text) - 1, n) for n, text in enumerate(texts)]
            before = (entry for entry in tokens if entry[1] < len(texts[entry[2]]) - 1)
            self._lib.llama_set_embeddings(self.handle, False)
            while part := list(islice(before, self._n_ubatch)):
                self._decode(part, results=False)
            self._lib.llama_set_embeddings(self.handle, True)
            self._decode(last, results=True)
        return [self._result(n) for n in range(len(texts))]

    def _decode(self, tokens: Sequence[tuple[int, int, int]], *, results: bool) -> None:
        """One micro-batch: tokens with their positions and their texts."""
        batch = self._batch
        for i, (token, position, text) in enumerate(tokens):
            batch.token[i], batch.pos[i] = token, position
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, text
            batch.logits[i] = results
        batch.n_tokens = len(tokens)
        compute = self._lib.llama_encode if self._encoder else self._lib.llama_decode
        status = compute(self.handle, batch)
        self.wait()
        if status == 2:
            raise Aborted
        if status != 0:
            raise LoadError(f"llama.cpp could not compute {len(tokens)} tokens (status {status}).")

    def _give_rows_back(self, n_tokens: int) -> None:
        """llama.cpp has a row of logits for each token of the largest batch so far, cleared when it was allocated; an
        encoder fills none: with a vocabulary of 250,000 that is a megabyte a token for nothing."""
        if n_tokens > self._most_rows:
            self._most_rows = n_tokens
            rows = self._lib.llama_get_logits(self.handle)
            if rows:
                give_back_zeros(ctypes.addressof(rows.contents), 4 * self._model.n_vocab * n_tokens)

    def _result(self, text: int) -> list[float]:
        values = self._lib.llama_get_embeddings_seq(self.handle, text)
        if not values:
            raise LoadError("llama.cpp has computed no embeddings: this model cannot make any.")
        found: list[float] = values[: self.n_values]
        return found
