"""One loaded model that makes embeddings, or ranks documents."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from autoglm_lite.embedding import Embedded, Reranked, Use, wrong_use
from autoglm_lite.engine.loading import in_words, open_embedding_context, open_model
from autoglm_lite.engine.pairs import PairWriter
from autoglm_lite.errors import AutoglmError, LoadError, PromptTooLongError, UsageError
from autoglm_lite.generation import LoadedModel
from autoglm_lite.hardware.process import own_anonymous_bytes
from autoglm_lite.heap import return_freed_memory
from autoglm_lite.native.computing import Aborted, AbortFlag
from autoglm_lite.native.embedding_context import EmbeddingContext
from autoglm_lite.native.vocabulary import text_of
from autoglm_lite.planning.plan import Plan

BATCH_TOKENS = 256
"""Of the short texts that are computed together: more are no faster on a processor, and for each token an encoder
takes memory for its whole vocabulary."""


class Embedder:
    """Not thread-safe, but for `cancel` and `use_threads`."""

    def __init__(self, plan: Plan, on_progress: Callable[[float], None] | None = None) -> None:
        """Loads the model; raises LoadError."""
        self._plan = plan
        self._model = open_model(plan, on_progress)
        self._abort = AbortFlag()
        self._most_threads = plan.threads_batch
        self._context: EmbeddingContext | None = None
        """None once it was shed, until the next request."""
        self._context_bytes = 0
        try:
            self._context = self._opened()
            self._pairs = PairWriter(self._model) if plan.use == "reranking" else None
        except BaseException:
            self.close()
            raise

    @property
    def loaded(self) -> LoadedModel:
        return in_words(self._model, self._plan.n_ctx, self._context_bytes)

    def close(self) -> None:
        if self._context is not None:
            self._context.close()
            self._context = None
        self._model.close()
        return_freed_memory()

    def shed_context(self) -> int:
        """Gives the buffers back to the system until the next request; returns how many bytes that were."""
        before = own_anonymous_bytes()
        if self._context is not None:
            self._context.close()
            self._context = None
            return_freed_memory()
        return max(0, before - own_anonymous_bytes())

    def use_threads(self, most: int) -> None:
        """No more than these from the next batch on; may be called from another thread."""
        self._most_threads = most

    @property
    def use(self) -> Use:
        return self._plan.use

    def tokenize(self, text: str, *, templated: bool = False, add_special: bool | None = None) -> list[int]:
        """Token ids as `embed` would have them; `templated` and `add_special` as of Engine."""
        add_special = not templated if add_special is None else add_special
        return self._model.tokenize(text, add_special=add_special, parse_special=templated)

    def detokenize(self, ids: Sequence[int]) -> str:
        """As of Worker."""
        return text_of(self._model, ids)

    def cancel(self) -> None:
        """Ends the running request within one node of the graph; may be called from another thread."""
        self._abort.set()

    def reset_cancel(self) -> None:
        """To be called before a request, not in it: a cancel that came first must count."""
        self._abort.clear()

    def embed(self, texts: Sequence[str]) -> Iterator[Embedded]:
        """The vectors of the texts, each of length 1, as they are made.

        Raises UsageError for no text or one without a token, PromptTooLongError for one longer than the context,
        LoadError for a model made for something else, AutoglmError when cancelled or for results that are no numbers.
        """
        if self._plan.use != "embeddings":
            raise LoadError(wrong_use("The loaded model", self.use, "embeddings"))
        tokens = [self.tokenize(text) for text in texts]
        for start, end, found in self._compute(tokens, "text"):
            yield Embedded(
                [_normalised(one) for one in found], [len(text) for text in tokens[start:end]], len(texts) - end
            )

    def rerank(self, query: str, documents: Sequence[str]) -> Iterator[Reranked]:
        """How well each document answers the query, as it becomes known; raises as `embed`."""
        if self._pairs is None:
            raise LoadError(wrong_use("The loaded model", self.use, "reranking"))
        tokens = [self._pairs.pair(query, document) for document in documents]
        for start, end, found in self._compute(tokens, "document"):
            yield Reranked([one[0] for one in found], [len(pair) for pair in tokens[start:end]], len(documents) - end)

    def _compute(self, texts: list[list[int]], noun: str) -> Iterator[tuple[int, int, list[list[float]]]]:
        """Batch by batch: the first text, the one after the last, and their results."""
        if not texts:
            raise UsageError(f"There is no {noun}: give at least one.")
        for i, text in enumerate(texts):
            _check(text, i, noun, self._plan.n_ctx)
        context = self._context = self._context or self._opened()
        for start, end in batches([len(text) for text in texts], min(BATCH_TOKENS, self._plan.n_ctx), context.n_seqs):
            threads = min(self._most_threads, self._plan.threads_batch)
            context.use_threads(threads, threads)
            try:
                found = context.compute(texts[start:end])
            except Aborted:
                raise AutoglmError("The request was stopped before all was computed.") from None
            if not all(math.isfinite(value) for one in found for value in one):
                raise AutoglmError("The model computes values that are no numbers: its file may be damaged.")
            yield start, end, found

    def _opened(self) -> EmbeddingContext:
        before = own_anonymous_bytes()
        context = open_embedding_context(self._model, self._plan, abort=self._abort)
        self._context_bytes = max(self._context_bytes, own_anonymous_bytes() - before)
        return context


def batches(lengths: Sequence[int], most_tokens: int, most_texts: int) -> Iterator[tuple[int, int]]:
    """Runs of texts, each as the first and the one after the last, that together are no longer than `most_tokens`; a
    longer text is alone."""
    start = n_tokens = 0
    for i, length in enumerate(lengths):
        if i > start and (n_tokens + length > most_tokens or i - start == most_texts):
            yield start, i
            start, n_tokens = i, 0
        n_tokens += length
    if start < len(lengths):
        yield start, len(lengths)


def _check(tokens: Sequence[int], i: int, noun: str, n_ctx: int) -> None:
    if not tokens:
        raise UsageError(f"The {noun} number {i + 1} is empty: leave it out.")
    if len(tokens) > n_ctx:
        what = f"The {noun} number {i + 1}" + (" with its query" if noun == "document" else "")
        raise PromptTooLongError(
            f"{what} is {len(tokens):,} tokens long, but the model was loaded for {n_ctx:,}: cut it into shorter ones,"
            " or use a larger --ctx where the model allows it."
        )


def _normalised(values: list[float]) -> list[float]:
    length = math.sqrt(sum(value * value for value in values))
    return [value / length for value in values] if length else values
