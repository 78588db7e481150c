"""Measurements by a worker; each loads the model of its own plan and unloads any other."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

from autoglm_lite.measurement import BaseUse, ChunkScores, Collected, InputsOf, LayersCompared, Scored, TokensRead
from autoglm_lite.planning.plan import Plan
from autoglm_lite.worker.client import Worker
from autoglm_lite.worker.protocol import CollectInputs, CompareLayers, Score

if TYPE_CHECKING:
    from autoglm_lite.gguf.importance import InputSums


async def input_sums(
    worker: Worker, plan: Plan, text: str, on_progress: Callable[[TokensRead], None] | None = None
) -> tuple[dict[str, InputSums], int]:
    """By weight, what an importance matrix is made of; and the number of chunks of plan.n_ctx tokens.

    Raises LoadError, UsageError for a text of less than two chunks, or WorkerDiedError.
    """
    import base64

    import numpy as np

    from autoglm_lite.gguf.importance import InputSums

    sums: dict[str, InputSums] = {}
    n_chunks = 0
    async with aclosing(worker.measure(CollectInputs(plan, text), on_progress)) as replies:
        async for reply in replies:
            if isinstance(reply, InputsOf):
                values = np.frombuffer(base64.b64decode(reply.squares), "<f4").astype(np.float32)
                counts = np.array(reply.counts, dtype=np.int64)
                sums[reply.name] = InputSums(values.reshape(reply.n_matrices, -1), counts)
            elif isinstance(reply, Collected):
                n_chunks = reply.n_chunks
    return sums, n_chunks


async def score(
    worker: Worker,
    plan: Plan,
    text: str,
    *,
    first_chunk: int = 0,
    base: BaseUse = "none",
    folder: Path | None = None,
    on_progress: Callable[[TokensRead], None] | None = None,
) -> AsyncGenerator[ChunkScores | Scored, None]:
    """The scores of each chunk of plan.n_ctx tokens from `first_chunk` on, then one Scored.

    With `base` "keep", the distributions of as many chunks as `folder` has room for are kept in a nameless file
    there, and a "compare" of the same chunks with another plan uses them. Raises LoadError, UsageError for a text
    of less than two chunks or a base with another vocabulary, AutoglmError when the disk is full, or
    WorkerDiedError.
    """
    request = Score(plan, text, first_chunk, base, str(folder or ""))
    async with aclosing(worker.measure(request, on_progress)) as replies:
        async for reply in replies:
            if isinstance(reply, ChunkScores | Scored):
                yield reply


async def layer_similarity(
    worker: Worker, plan: Plan, text: str, on_progress: Callable[[TokensRead], None] | None = None
) -> list[float]:
    """For each layer, the mean cosine between the hidden states that enter and leave it: near 1 where it changes
    little.

    Reads whole chunks of plan.n_ctx tokens. Raises LoadError, UsageError for a text of less than one chunk,
    AutoglmError for the few kinds of models whose layers cannot be told apart, or WorkerDiedError.
    """
    similarity: list[float] = []
    async with aclosing(worker.measure(CompareLayers(plan, text), on_progress)) as replies:
        async for reply in replies:
            if isinstance(reply, LayersCompared):
                similarity = reply.similarity
    return similarity
