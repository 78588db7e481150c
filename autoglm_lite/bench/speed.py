"""Reading and writing at several depths, and the first token of new and of known prompts, in one worker."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

from autoglm_lite.bench.answer import Answer
from autoglm_lite.bench.asking import ask, ask_at_length
from autoglm_lite.bench.countdown import Countdown
from autoglm_lite.bench.prompts import words
from autoglm_lite.bench.schedule import Asked, Cost, Lengths, Schedule, reopened_seconds, schedule, seconds
from autoglm_lite.hardware.process import process_memory
from autoglm_lite.planning.plan import Plan
from autoglm_lite.worker.client import Worker

PROBE_TOKENS = (96, 8)
"""Prompt and answer of the first measurement, which decides on the length of the others."""
WARM_TOKENS = 16
"""Read in a new context before it counts: threads are started, and buffers touched for the first time."""

Show = Callable[[str, "float | None"], None]
"""What is being done, and the seconds left where they are known."""


@dataclass(frozen=True, slots=True)
class AtDepth:
    """Answers to prompts of which `depth` tokens were in the KV cache already; one tuple for each repeat."""

    depth: int
    answers: tuple[tuple[Answer, ...], ...]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A long beginning, and last messages that may follow it."""

    opening: str
    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    schedule: Schedule
    load_seconds: float
    depths: tuple[AtDepth, ...]
    """The first is at 0, with nothing cached."""
    warm: tuple[Answer, ...]
    resident: int
    anonymous: int
    prompt: Prompt
    """For `reopened`; its texts were not read here."""
    countdown: Countdown


class SpeedRun:
    """Holds the worker, which must not keep states: what it would write to the disk is not to be measured."""

    def __init__(self, worker: Worker, plan: Plan, asked: Asked, show: Show) -> None:
        self._worker = worker
        self._plan = plan
        self._asked = asked
        self._show = show
        self._doing = ""
        self._countdown: Countdown | None = None
        self._memory = (0, 0)

    async def run(self) -> Measured:
        """Raises LoadError, WorkerDiedError, AutoglmError for a model that writes nothing."""
        load = await self._load()
        cost = await self._probe(load)
        planned = schedule(self._asked.lengths(self._plan.n_ctx, cost), self._plan.n_ctx, cost)
        texts = planned.lengths
        self._countdown = Countdown(seconds(texts, planned.depths, cost))
        first, warm = await self._without_depth(texts, cost)
        depths = [first]
        text, at = await self._words("deep", 1), 0
        for depth in planned.depths:
            text += await self._words(f"deep {depth}", depth - await self._count(text))
            depths.append(await self._at(text, depth, depth - at, texts, cost))
            at = depth
        self._countdown.begin(reopened_seconds(texts, cost))
        opening = await self._words("kept", texts.prompt - texts.message)
        messages = [await self._words(f"message {i}", texts.message) for i in range(texts.repeat + 1)]
        return Measured(
            planned, load, tuple(depths), warm, *self._memory, Prompt(opening, tuple(messages)), self._countdown
        )

    async def _load(self) -> float:
        began = perf_counter()
        await self._worker.load(self._plan, lambda share: self._show(f"loading: {share:.0%}", None))
        return perf_counter() - began

    async def _probe(self, load: float) -> Cost:
        self._doing = "a first measurement"
        prompt, answer = (min(most, max(self._plan.n_ctx // 4, 2)) for most in PROBE_TOKENS)
        await self._ask(await self._words("warm", min(WARM_TOKENS, prompt)), 2, 0)
        answers = await self._ask_at_length(await self._words("probe", prompt), answer, 0)
        gaps = [gap for answer in answers for gap in answer.gaps]
        decode = sum(gap for gap, _ in gaps) / sum(n for _, n in gaps)
        return Cost(load, 1 / answers[0].prefill, max(decode, 1e-9))

    async def _without_depth(self, texts: Lengths, cost: Cost) -> tuple[AtDepth, tuple[Answer, ...]]:
        """With nothing cached; then each prompt again, with another last message."""
        cold, warm = [], []
        one = texts.prompt * cost.prefill + texts.answer * cost.decode
        for i in range(texts.repeat):
            opening = await self._words(f"opening {i}", texts.prompt - texts.message)
            tails = [await self._words(f"last {i} {which}", texts.message) for which in range(2)]
            self._begin(f"{texts.prompt:,} tokens, nothing cached ({i + 1} of {texts.repeat})", one)
            cold.append(await self._ask_at_length(opening + tails[0], texts.answer, i))
            self._begin("another last message", texts.message * cost.prefill + cost.decode)
            warm.append(await self._ask(opening + tails[1], 2, i))
        return AtDepth(0, tuple(cold)), tuple(warm)

    async def _at(self, text: str, depth: int, n_new: int, texts: Lengths, cost: Cost) -> AtDepth:
        """`text` is what is to be in the cache, of which the last `n_new` tokens are not yet."""
        self._begin(f"reading up to {depth:,} tokens", n_new * cost.prefill)
        await self._ask(text, 1, 0)
        answers = []
        for i in range(texts.repeat):
            tail = await self._words(f"{depth} {i}", texts.prompt)
            one = texts.prompt * cost.prefill + texts.answer * cost.decode
            self._begin(f"{texts.prompt:,} tokens after {depth:,} ({i + 1} of {texts.repeat})", one)
            answers.append(await self._ask_at_length(text + tail, texts.answer, i))
        return AtDepth(depth, tuple(answers))

    async def _ask(self, prompt: str, n_tokens: int, seed: int) -> Answer:
        answer = await ask(self._worker, prompt, n_tokens, seed, self._beat)
        self._look()
        return answer

    async def _ask_at_length(self, prompt: str, n_tokens: int, seed: int) -> tuple[Answer, ...]:
        answers = await ask_at_length(self._worker, prompt, n_tokens, seed, self._beat)
        self._look()
        return answers

    def _look(self) -> None:
        """At the memory of both processes, right after work."""
        mine = process_memory(os.getpid())
        other = process_memory(self._worker.pid) if self._worker.pid is not None else (0, 0)
        self._memory = max(self._memory, (mine[0] + other[0], mine[1] + other[1]))

    def _begin(self, doing: str, estimate: float) -> None:
        assert self._countdown is not None
        self._countdown.begin(estimate)
        self._doing = doing
        self._beat()

    def _beat(self) -> None:
        self._show(self._doing, None if self._countdown is None else self._countdown.left)

    async def _words(self, seed: str, n_tokens: int) -> str:
        return await words(seed, n_tokens, self._count)

    async def _count(self, text: str) -> int:
        # Without the token that begins a text: most of these come after others.
        return len(await self._worker.tokenize(text, templated=True))
