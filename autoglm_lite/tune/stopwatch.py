"""Measuring one plan in the real worker: a prompt of random words is read, and some tokens are written."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing
from dataclasses import replace

from autoglm_lite.errors import AutoglmError
from autoglm_lite.generation import LIVELY, Finished, GenerateRequest
from autoglm_lite.planning.plan import Plan
from autoglm_lite.tune.turn import PROMPT_TOKENS, SLOW, Speed
from autoglm_lite.worker.client import Worker

PROBE_TOKENS = (96, 8)
"""Prompt and answer of the first measurement, which decides on the length of the others."""
SECONDS = (2.0, 1.5)
"""That a measurement's prompt and answer are to take, on any machine."""
LEAST_TOKENS = (48, 8)
MOST_TOKENS = (PROMPT_TOKENS, 64)
WARM_TOKENS = 16
"""Read in a new context before it counts: threads are started, and buffers touched for the first time."""
ATTEMPTS = 4
"""A model may end its answer early; so often another is asked for."""
MOST_TIMES = 5
"""A measurement that takes so many times as long as the first one is broken off: two threads of which another program
holds up one were seen at a twentieth of their speed."""
LEAST_LIMIT = 3.0
"""Seconds that every measurement may take."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Stopwatch:
    """Holds the worker and knows what is loaded in it."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._plan: Plan | None = None
        self._tokens_per_word = 3.0
        self.tokens = PROBE_TOKENS
        """Of a prompt and an answer."""
        self._count = 0
        self._limit: float | None = None
        """Seconds, loading not counted."""

    async def choose_length(self, plan: Plan) -> Speed:
        """Makes measurements as long as SECONDS take with `plan`, and returns how fast it was. Raises as `measure`."""
        await self._load(plan)
        words = _words("length", 200)
        n_tokens = len(await self._worker.tokenize(words, templated=False))
        self._tokens_per_word = max(n_tokens / 200, 0.1)
        speed = await self.measure(plan, 0)
        n_ctx = max(plan.n_ctx, 4)
        prompt, answer = (
            min(max(round(seconds / cost), least), most)
            for seconds, cost, least, most in zip(
                SECONDS, (speed.prefill, speed.decode), LEAST_TOKENS, MOST_TOKENS, strict=True
            )
        )
        self.tokens = prompt, answer = min(prompt, n_ctx // 2), min(answer, n_ctx // 4)
        self._limit = max(LEAST_LIMIT, MOST_TIMES * (prompt * speed.prefill + answer * speed.decode))
        return speed

    async def measure(self, plan: Plan, number: int) -> Speed:
        """The speed of `plan` with the prompt of this `number`, the same for all that are compared. SLOW if it takes
        too long.

        Raises LoadError, WorkerDiedError, AutoglmError for a model that writes nothing.
        """
        await self._load(plan)
        try:
            return await asyncio.wait_for(self._measure(number), self._limit)
        except asyncio.TimeoutError:
            return SLOW

    async def _measure(self, number: int) -> Speed:
        n_prompt, n_answer = self.tokens
        self._count += 1
        # It begins with a word of its own, so that nothing of it is remembered.
        words = _words(f"begin {self._count}", 1), _words(f"prompt {number}", round(n_prompt / self._tokens_per_word))
        text = " ".join(words)
        first = await self._answer(text, n_answer, number)
        prefill = first.prefill_seconds / max(first.prompt_tokens - first.cached_tokens, 1)
        intervals, seconds = first.completion_tokens - 1, first.decode_seconds
        for attempt in range(1, ATTEMPTS):
            if intervals >= n_answer - 1:
                break
            more = await self._answer(text, n_answer - intervals, number + attempt * 1000)
            intervals += max(more.completion_tokens - 1, 0)
            seconds += more.decode_seconds
        if intervals < 1 or seconds <= 0:
            raise AutoglmError("This model ends its answers at once, so the speed of its writing cannot be measured.")
        return Speed(prefill, seconds / intervals)

    async def _load(self, plan: Plan) -> None:
        if plan == self._plan:
            return
        self._plan = None
        await self._worker.load(plan)
        await self._answer(_words("warm", max(1, round(WARM_TOKENS / self._tokens_per_word))), 2, 0)
        self._plan = plan

    async def _answer(self, prompt: str, max_tokens: int, seed: int) -> Finished:
        request = GenerateRequest(prompt, False, replace(LIVELY, seed=seed), max_tokens)
        finished: Finished | None = None
        try:
            async with aclosing(self._worker.generate(request)) as events:
                async for event in events:
                    if isinstance(event, Finished):
                        finished = event
        except AutoglmError:
            self._plan = None
            raise
        assert finished is not None
        return finished


def _words(seed: str, count: int) -> str:
    """Random ones, the same for the same `seed`."""
    draw = random.Random(seed)
    return " ".join("".join(draw.choices(_LETTERS, k=draw.randint(2, 6))) for _ in range(count))
