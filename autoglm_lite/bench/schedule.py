"""What is measured, so that it ends in time on this machine: how long the texts are, how deep, how often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autoglm_lite.errors import UsageError

SECONDS = 170.0
"""For everything, about. Depths that would take longer are left out."""
PROMPT_SECONDS = 8.0
"""For one prompt; its state on disk is then worth keeping."""
ANSWER_SECONDS = 4.0
LEAST_PROMPT, MOST_PROMPT = 64, 512
LEAST_ANSWER, MOST_ANSWER = 16, 64
SHORTEST_PROMPT, SHORTEST_ANSWER = 16, 2
MESSAGE_TOKENS = 32
"""Of the last message, all that is new of a prompt that is warm or kept on disk."""
DEPTHS = (1024, 4096, 16384)
DEPTH_STEP = 256
"""llama.cpp reads the KV cache in steps of as many tokens."""
RESTORE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Point:
    """Seconds of a token read and written where `depth` tokens came before the prompt."""

    depth: int
    prefill: float
    decode: float


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds, of loading the model and of a token read and written; the last two are added for each token before."""

    load: float
    prefill: float
    decode: float
    prefill_slope: float = 0.0
    decode_slope: float = 0.0

    @classmethod
    def of(cls, load: float, first: Point, last: Point) -> Cost:
        """A straight line: attention looks at every token before."""
        between = max(last.depth - first.depth, 1)
        slopes = (max(a - b, 0.0) / between for a, b in ((last.prefill, first.prefill), (last.decode, first.decode)))
        return cls(load, first.prefill, first.decode, *slopes)

    def reading(self, n_tokens: int, depth: int) -> float:
        return n_tokens * (self.prefill + depth * self.prefill_slope)

    def writing(self, n_tokens: int, depth: int) -> float:
        return n_tokens * (self.decode + depth * self.decode_slope)


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens of each text, and how often each is measured."""

    prompt: int
    answer: int
    repeat: int

    @property
    def message(self) -> int:
        """The last part of a prompt, which changes while the rest is kept."""
        return max(1, min(MESSAGE_TOKENS, self.prompt // 4))


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user wants; None leaves it to the speed of the machine."""

    prompt: int | None = None
    answer: int | None = None
    repeat: int = 3

    def check(self, n_ctx: int) -> None:
        """Raises UsageError for lengths that make no sense."""
        prompt = SHORTEST_PROMPT if self.prompt is None else self.prompt
        answer = SHORTEST_ANSWER if self.answer is None else self.answer
        if prompt < SHORTEST_PROMPT:
            raise UsageError(f"--prompt-tokens {prompt} makes no sense: give at least {SHORTEST_PROMPT}.")
        if answer < SHORTEST_ANSWER:
            raise UsageError(f"--gen-tokens {answer} makes no sense: give at least {SHORTEST_ANSWER}.")
        if self.repeat < 1:
            raise UsageError(f"--repeat {self.repeat} makes no sense: give 1 or more.")
        if prompt + answer >= n_ctx:
            raise UsageError(
                f"{prompt:,} tokens of a prompt and {answer:,} of an answer are more than the context of {n_ctx:,}"
                " tokens holds: give less, or a larger --ctx."
            )

    def lengths(self, n_ctx: int, cost: Cost) -> Lengths:
        """What was asked for; without, as much as takes PROMPT_SECONDS and ANSWER_SECONDS and leaves room for depth."""
        answer = self.answer or min(_within(ANSWER_SECONDS / cost.decode, LEAST_ANSWER, MOST_ANSWER), n_ctx // 8)
        prompt = self.prompt or min(_within(PROMPT_SECONDS / cost.prefill, LEAST_PROMPT, MOST_PROMPT), n_ctx // 4)
        if self.answer is None:
            answer = min(answer, n_ctx - prompt - 1)
        if self.prompt is None:
            prompt = min(prompt, n_ctx - answer - 1)
        return Lengths(max(prompt, SHORTEST_PROMPT), max(answer, SHORTEST_ANSWER), self.repeat)


def depths(lengths: Lengths, n_ctx: int) -> tuple[int, ...]:
    """Those beside 0 that the context holds, ascending; for the next one the deepest that it holds, if it is far from
    the one before."""
    room, found = n_ctx - lengths.prompt - lengths.answer - 1, list[int]()
    for depth in DEPTHS:
        if depth > room:
            deepest = room // DEPTH_STEP * DEPTH_STEP
            if deepest >= 2 * (found[-1] if found else DEPTH_STEP):
                found.append(deepest)
            break
        found.append(depth)
    return tuple(found)


def affordable(lengths: Lengths, wanted: Sequence[int], at: int, cost: Cost, left: float) -> tuple[int, ...]:
    """Of the ascending depths `wanted` the first ones, for which `left` seconds are enough; `at` is where we are."""
    taken = list[int]()
    left -= reopened_seconds(lengths, cost)
    for depth in wanted:
        left -= depth_seconds(lengths, at, depth, cost)
        if left < 0:
            break
        taken.append(depth)
        at = depth
    return tuple(taken)


def depths_seconds(lengths: Lengths, at: int, wanted: Sequence[int], cost: Cost) -> float:
    """For all of `wanted`, one after the other."""
    steps = zip((at, *wanted), wanted, strict=False)
    return sum(depth_seconds(lengths, before, depth, cost) for before, depth in steps)


def depth_seconds(lengths: Lengths, at: int, depth: int, cost: Cost) -> float:
    """Reading on from `at`, then prompts and answers there."""
    fill = cost.reading(depth - at, (at + depth) // 2)
    return fill + lengths.repeat * one_seconds(lengths, depth, cost)


def one_seconds(lengths: Lengths, depth: int, cost: Cost) -> float:
    """One prompt and its answer."""
    return cost.reading(lengths.prompt, depth) + cost.writing(lengths.answer, depth)


def warm_seconds(lengths: Lengths, cost: Cost) -> float:
    """The last message of a known prompt."""
    return cost.reading(lengths.message, 0) + cost.writing(1, 0)


def reopened_seconds(lengths: Lengths, cost: Cost) -> float:
    """The prompt read once and kept, then taken from the disk by one new process after the other."""
    again = cost.load + warm_seconds(lengths, cost) + RESTORE_SECONDS
    return cost.load + cost.reading(lengths.prompt, 0) + lengths.repeat * again


def _within(value: float, least: int, most: int) -> int:
    return min(max(round(value), least), most)
