"""One request to the worker, timed where its user sits."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from time import perf_counter

from autoglm_lite.bench.answer import Answer
from autoglm_lite.errors import AutoglmError
from autoglm_lite.generation import LIVELY, Finished, GenerateRequest, Sampling, Text
from autoglm_lite.worker.client import Worker

ATTEMPTS = 8
"""A model may end its answer early; so often another is asked for."""


Beat = Callable[[], None]


async def ask(worker: Worker, prompt: str, n_tokens: int, sampling: Sampling, beat: Beat | None = None) -> Answer:
    """`beat` is called with each event. Raises what Worker.generate does."""
    request = GenerateRequest(prompt, False, sampling, n_tokens)
    began = perf_counter()
    first, last, gaps = 0.0, 0.0, list[tuple[float, int]]()
    finished: Finished | None = None
    async with aclosing(worker.generate(request)) as events:
        async for event in events:
            now = perf_counter()
            if isinstance(event, Finished):
                finished = event
            elif isinstance(event, Text):
                if first:
                    gaps.append((now - last, event.n_tokens))
                first, last = first or now, now
            if beat is not None:
                beat()
    assert finished is not None
    return Answer(
        finished.prompt_tokens,
        finished.cached_tokens,
        finished.prefill_seconds,
        (first or perf_counter()) - began,
        tuple(gaps),
    )


async def ask_at_length(
    worker: Worker, prompt: str, n_tokens: int, seed: int, beat: Beat | None = None
) -> tuple[Answer, ...]:
    """As many answers as have `n_tokens` together, the first of them to a prompt that may be new.

    Raises AutoglmError for a model that ends its answers at once.
    """
    answers = [await ask(worker, prompt, n_tokens, drawn(seed), beat)]
    for attempt in range(1, ATTEMPTS):
        missing = n_tokens - 1 - sum(n for answer in answers for _, n in answer.gaps)
        if missing < 1:
            break
        answers.append(await ask(worker, prompt, missing + 1, drawn(seed + attempt * 1000), beat))
    if not any(n for answer in answers for _, n in answer.gaps):
        raise AutoglmError("This model ends its answers at once, so the speed of its writing cannot be measured.")
    return tuple(answers)


def drawn(seed: int) -> Sampling:
    """The same each time."""
    return replace(LIVELY, seed=seed)
