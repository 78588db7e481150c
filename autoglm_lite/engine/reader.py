"""A model loaded to read a text in chunks, each from an empty cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

from autoglm_lite.engine.loading import open_context, open_model
from autoglm_lite.errors import AutoglmError, UsageError
from autoglm_lite.measurement import LOGITS_BYTES
from autoglm_lite.native.computing import Aborted, AbortFlag
from autoglm_lite.native.node import Observer
from autoglm_lite.native.vocabulary import beginning
from autoglm_lite.planning.plan import Plan

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Stop(AbortFlag):
    """Ends a measurement from another thread."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One decode: which tokens of the chunk it read, and the logits of the last of them."""

    start: int
    end: int
    logits: npt.NDArray[np.float32]
    """(at most end - start, n_vocab), valid until the next batch."""

    @property
    def first_output(self) -> int:
        """The token of the chunk that the first row of logits belongs to."""
        return self.end - len(self.logits)


class Reader:
    """Not thread-safe, but for the Stop."""

    def __init__(
        self, plan: Plan, stop: Stop, *, observer: Observer | None = None, on_load: Callable[[float], None] | None
    ) -> None:
        """Loads the model; chunks are plan.n_ctx tokens long. Raises LoadError."""
        self._model = open_model(plan, on_load)
        n_ubatch = max(1, min(plan.n_ubatch, plan.n_ctx, LOGITS_BYTES // (4 * self._model.n_vocab)))
        try:
            self._context = open_context(
                self._model, plan, n_ubatch=n_ubatch, n_outputs=n_ubatch, observer=observer, abort=stop
            )
        except BaseException:
            self._model.close()
            raise
        self.n_ctx = plan.n_ctx
        self.n_vocab = self._model.n_vocab

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._context.close()
        self._model.close()

    def chunks(self, text: str, *, at_least: int) -> list[list[int]]:
        """The text in chunks of n_ctx tokens, without the rest at its end; where the vocabulary puts a token before a
        text, it stands in place of each chunk's first.

        Raises UsageError for a text of fewer than `at_least` chunks.
        """
        tokens = self._model.tokenize(text, add_special=True, parse_special=False)
        n, first = self.n_ctx, beginning(self._model)
        if len(tokens) < at_least * n:
            shorter = len(tokens) // at_least
            remedy = f"give a longer text, or --ctx {shorter}" if shorter >= MIN_CTX else "give a longer text"
            raise UsageError(
                f"The text is {len(tokens):,} tokens long and {at_least * n:,} are the least for chunks of {n:,}:"
                f" {remedy}."
            )
        found = [tokens[i : i + n] for i in range(0, len(tokens) // n * n, n)]
        return found if first is None else [[first, *chunk[1:]] for chunk in found]

    def read(self, chunk: Sequence[int], *, first_output: int = 0) -> Iterator[Batch]:
        """Computes the chunk from an empty cache, in batches of about equal size; the logits of the tokens from
        `first_output` on come with them.

        Raises AutoglmError when stopped, or when the model's results are no numbers.
        """
        self._context.forget_from(0)
        n = len(chunk)
        n_batches = -(-n // self._context.n_ubatch)
        for i in range(n_batches):
            start, end = n * i // n_batches, n * (i + 1) // n_batches
            n_outputs = min(end - start, max(0, end - first_output))
            try:
                self._context.decode(chunk[start:end], start, n_outputs=n_outputs)
            except Aborted:
                raise AutoglmError("The measurement was stopped.") from None
            yield Batch(start, end, self._context.logits(n_outputs))


MIN_CTX = 32
"""Shorter chunks say nothing, and batches under 16 tokens are left out of importance matrices."""
