"""Reading and writing at several depths, and the first token of new and of known prompts, in one worker."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import monotonic

from autoglm_lite.bench.answer import Answer, decode_speed
from autoglm_lite.bench.asking import ask, ask_at_length, drawn
from autoglm_lite.bench.countdown import Countdown
from autoglm_lite.bench.prompts import words
from autoglm_lite.bench.schedule import (
    SECONDS,
    Asked,
    Cost,
    Lengths,
    Point,
    affordable,
    depth_seconds,
    depths,
    depths_seconds,
    one_seconds,
    reopened_seconds,
    warm_seconds,
)
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

    @property
    def prefill(self) -> float:
        """Tokens per second, the median; likewise `decode`."""
        return median(answers[0].prefill for answers in self.answers)

    @property
    def decode(self) -> float:
        return decode_speed(answer for answers in self.answers for answer in answers)

    def point(self) -> Point:
        return Point(self.depth, 1 / self.prefill, 1 / self.decode)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A long beginning, and last messages that may follow it."""

    opening: str
    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    lengths: Lengths
    depths: tuple[AtDepth, ...]
    """The first is at 0, with nothing cached."""
    left_out: tuple[int, ...]
    """Depths that the context holds and the time does not."""
    warm: tuple[Answer, ...]
    cost: Cost
    resident: int
    anonymous: int
    prompt: Prompt
    """For `reopened`; its texts were not read here."""


class SpeedRun:
    """Holds the worker, which must not keep states: what it would write to the disk is not to be measured."""

    def __init__(self, worker: Worker, plan: Plan, asked: Asked, show: Show, seconds: float = SECONDS) -> None:
        """`seconds`: for all depths that are measured beside 0, about, and everything else."""
        self._worker = worker
        self._plan = plan
        self._asked = asked
        self._show = show
        self._seconds = seconds
        self._doing = ""
        self._countdown: Countdown | None = None
        self._memory = (0, 0)

    async def run(self) -> Measured:
        """Raises LoadError, WorkerDiedError, AutoglmError for a model that writes nothing."""
        began = monotonic()
        cost = await self._probe(await self._load())
        texts = self._asked.lengths(self._plan.n_ctx, cost)
        wanted = depths(texts, self._plan.n_ctx)
        self._countdown = Countdown()
        left = self._seconds - (monotonic() - began) - texts.repeat * one_seconds(texts, 0, cost)
        first, warm = await self._without_depth(texts, cost, affordable(texts, wanted, 0, cost, left))
        found, points = [first], [first.point()]
        text, at = await self._words("deep", 1), 0
        while wanted:
            cost = Cost.of(cost.load, points[0], points[-1])
            taken = affordable(texts, wanted, at, cost, self._seconds - (monotonic() - began))
            if not taken:
                break
            depth, wanted = wanted[0], wanted[1:]
            text += await self._words(f"deep {depth}", depth - await self._count(text))
            found.append(await self._at(text, at, taken, texts, cost))
            points.append(found[-1].point())
            at = depth
        opening = await self._words("kept", texts.prompt - texts.message)
        messages = [await self._words(f"message {i}", texts.message) for i in range(texts.repeat + 1)]
        return Measured(texts, tuple(found), wanted, warm, cost, *self._memory, prompt=Prompt(opening, tuple(messages)))

    async def _load(self) -> float:
        began = monotonic()
        await self._worker.load(self._plan, lambda share: self._show(f"loading: {share:.0%}", None))
        return monotonic() - began

    async def _probe(self, load: float) -> Cost:
        self._doing = "a first measurement"
        prompt, answer = (min(most, max(self._plan.n_ctx // 4, 2)) for most in PROBE_TOKENS)
        await self._ask(await self._words("warm", min(WARM_TOKENS, prompt)), 2, 0)
        point = AtDepth(0, (await self._ask_at_length(await self._words("probe", prompt), answer, 0),)).point()
        return Cost.of(load, point, point)

    async def _without_depth(
        self, texts: Lengths, cost: Cost, later: Sequence[int]
    ) -> tuple[AtDepth, tuple[Answer, ...]]:
        """With nothing cached; then each prompt again, with another last message."""
        cold, warm = [], []
        one, again = one_seconds(texts, 0, cost), warm_seconds(texts, cost)
        rest = depths_seconds(texts, 0, later, cost) + reopened_seconds(texts, cost)
        for i in range(texts.repeat):
            opening = await self._words(f"opening {i}", texts.prompt - texts.message)
            tails = [await self._words(f"last {i} {which}", texts.message) for which in range(2)]
            others = rest + (texts.repeat - i - 1) * (one + again)
            self._begin(f"{texts.prompt:,} tokens, nothing cached ({i + 1} of {texts.repeat})", one, others + again)
            cold.append(await self._ask_at_length(opening + tails[0], texts.answer, i))
            self._begin("another last message", again, others)
            warm.append(await self._ask(opening + tails[1], 2, i))
        return AtDepth(0, tuple(cold)), tuple(warm)

    async def _at(self, text: str, at: int, taken: Sequence[int], texts: Lengths, cost: Cost) -> AtDepth:
        """`text` is what is to be in the cache, of which all but the first `at` tokens must be read; `taken` is its
        length, and then the depths to come."""
        depth, one = taken[0], one_seconds(texts, taken[0], cost)
        rest = depths_seconds(texts, depth, taken[1:], cost) + reopened_seconds(texts, cost)
        fill = depth_seconds(texts, at, depth, cost) - texts.repeat * one
        self._begin(f"reading up to {depth:,} tokens", fill, rest + texts.repeat * one)
        await self._ask(text, 1, 0)
        answers: list[tuple[Answer, ...]] = []
        for i in range(texts.repeat):
            tail = await self._words(f"{depth} {i}", texts.prompt)
            others = rest + (texts.repeat - i - 1) * one
            self._begin(f"{texts.prompt:,} tokens after {depth:,} ({i + 1} of {texts.repeat})", one, others)
            answer = await self._ask_at_length(text + tail, texts.answer, i)
            if answers and answer[0].cached_tokens < depth // 2:
                # A window has moved past the end of `text`: it was read again, which is not what is measured here.
                break
            answers.append(answer)
        return AtDepth(depth, tuple(answers))

    async def _ask(self, prompt: str, n_tokens: int, seed: int) -> Answer:
        answer = await ask(self._worker, prompt, n_tokens, drawn(seed), self._beat)
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

    def _begin(self, doing: str, seconds: float, later: float) -> None:
        assert self._countdown is not None
        self._countdown.begin(seconds, later)
        self._doing = doing
        self._beat()

    def _beat(self) -> None:
        self._show(self._doing, None if self._countdown is None else self._countdown.left)

    async def _words(self, seed: str, n_tokens: int) -> str:
        return await words(seed, n_tokens, self._count)

    async def _count(self, text: str) -> int:
        # Without the token that begins a text: most of these come after others.
        return len(await self._worker.tokenize(text, templated=True))
