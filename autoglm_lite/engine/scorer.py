"""How well a model expects a text: the scores from which perplexity and divergence are made.

As in llama-perplexity (tools/perplexity/perplexity.cpp of llama.cpp): chunks from an empty cache, of which only the
second half counts, so that each counted token has had some context.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from autoglm_lite.engine.distribution import compare, encode, negative_log_likelihood
from autoglm_lite.engine.kept import KeptBase
from autoglm_lite.engine.reader import Reader, Stop
from autoglm_lite.errors import AutoglmError, LoadError, UsageError
from autoglm_lite.measurement import BaseUse, ChunkScores, Scored, TokensRead
from autoglm_lite.planning.plan import Plan

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

BLOCK_VALUES = 2_000_000
"""Logits looked at together: enough for NumPy, and little memory beside the model."""


class Scorer:
    """Scores one model at a time and remembers a base's distributions from one scoring to the next."""

    def __init__(self) -> None:
        self._kept: KeptBase | None = None

    def close(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def score(
        self,
        plan: Plan,
        text: str,
        stop: Stop,
        *,
        first_chunk: int,
        base: BaseUse,
        folder: Path,
        on_load: Callable[[float], None] | None = None,
    ) -> Iterator[TokensRead | ChunkScores | Scored]:
        """Reads the chunks of `text` from `first_chunk` on: all of them, or with base "keep" as many as `folder` has
        room for, or with "compare" those that were kept.

        Raises LoadError, UsageError for a text of less than two chunks or a base with another vocabulary,
        AutoglmError when stopped or when the disk is full.
        """
        with ExitStack() as unless_done:
            # What was kept is of no use to anybody when this ends in the middle.
            unless_done.callback(self.close)
            with Reader(plan, stop, on_load=on_load) as reader:
                chunks = reader.chunks(text, at_least=2)
                end = self._prepare(reader, chunks, first_chunk, base, folder)
                yield TokensRead(first_chunk * reader.n_ctx, len(chunks) * reader.n_ctx)
                for i in range(first_chunk, end):
                    chunk = _Chunk(i, len(chunks), chunks[i])
                    for batch in reader.read(chunk.tokens, first_output=chunk.first_output):
                        for start in range(0, len(batch.logits), rows := max(1, BLOCK_VALUES // reader.n_vocab)):
                            self._look(chunk, batch.logits[start : start + rows], batch.first_output + start, base)
                        yield TokensRead(i * reader.n_ctx + batch.end, len(chunks) * reader.n_ctx)
                    yield chunk.scores()
            if base == "keep" and self._kept is not None:
                self._kept.rewind()
                unless_done.pop_all()
        yield Scored(end, len(chunks))

    def _prepare(
        self, reader: Reader, chunks: Sequence[list[int]], first_chunk: int, base: BaseUse, folder: Path
    ) -> int:
        """Makes ready what `base` needs; returns the chunk to stop before."""
        if base == "keep":
            self.close()
            self._kept = KeptBase(folder, first_chunk, reader.n_vocab)
            room = self._kept.room(reader.n_ctx - 1 - reader.n_ctx // 2)
            self._kept.chunks = list(chunks[first_chunk : first_chunk + room])
            return first_chunk + len(self._kept.chunks)
        if base == "compare":
            return first_chunk + len(self._base_for(reader, chunks[first_chunk:], first_chunk).chunks)
        return len(chunks)

    def _base_for(self, reader: Reader, chunks: Sequence[list[int]], first_chunk: int) -> KeptBase:
        kept = self._kept
        if kept is None or kept.first_chunk != first_chunk:
            raise LoadError("No base was read before the model that is to be compared with it.")
        if kept.n_vocab != reader.n_vocab or list(chunks[: len(kept.chunks)]) != kept.chunks:
            raise UsageError(
                "The base has another vocabulary, so the two cannot be compared: take a base from which this model"
                " was made."
            )
        return kept

    def _look(self, chunk: _Chunk, logits: npt.NDArray[np.float32], position: int, base: BaseUse) -> None:
        """At the logits of the chunk's tokens from `position` on."""
        import numpy as np

        targets = np.array(chunk.tokens[position + 1 : position + 1 + len(logits)], dtype=np.int64)
        # The chunk's last token has nothing after it to be compared with.
        logits = logits[: len(targets)]
        if not len(logits):
            return
        if base == "compare" and self._kept is not None:
            found = compare(logits, targets, self._kept.read(len(logits)))
            chunk.nll += found.nll.tolist()
            chunk.base_nll += found.base_nll.tolist()
            chunk.kld += found.kld.tolist()
            chunk.same_top += found.same_top.tolist()
        else:
            chunk.nll += negative_log_likelihood(logits, targets).tolist()
            if base == "keep" and self._kept is not None:
                self._kept.write(encode(logits))
        if not np.isfinite(chunk.nll[-len(logits) :]).all():
            raise AutoglmError("The model computes values that are no numbers: its file may be damaged.")


class _Chunk:
    """A chunk and what has been seen of it."""

    def __init__(self, number: int, n_chunks: int, tokens: list[int]) -> None:
        self.tokens = tokens
        self.first_output = len(tokens) // 2
        self.nll: list[float] = []
        self.base_nll: list[float] = []
        self.kld: list[float] = []
        self.same_top: list[bool] = []
        self._number, self._n_chunks = number, n_chunks

    def scores(self) -> ChunkScores:
        return ChunkScores(self._number, self._n_chunks, self.nll, self.base_nll, self.kld, self.same_top)
