"""What is measured, so that it ends in time on this machine: how long the texts are, how deep, how often."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from autoglm_lite.errors import UsageError

SECONDS = 150.0
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
class Cost:
    """Seconds: of loading the model, and of a token read and written."""

    load: float
    prefill: float
    decode: float


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
class Schedule:
    lengths: Lengths
    depths: tuple[int, ...]
    """Tokens that are in the KV cache already, ascending; 0 is measured before them."""
    left_out: tuple[int, ...]
    """Depths that the context holds and the time does not."""


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


def schedule(asked: Lengths, n_ctx: int, cost: Cost, budget: float = SECONDS) -> Schedule:
    """As many of the depths as the context and the time allow."""
    found = tuple(_depths(n_ctx - asked.prompt - asked.answer - 1))
    taken = 0
    while taken < len(found) and seconds(asked, found[: taken + 1], cost) <= budget:
        taken += 1
    return Schedule(asked, found[:taken], found[taken:])


def seconds(asked: Lengths, depths: tuple[int, ...], cost: Cost) -> float:
    """That all of it takes, about."""
    return speed_seconds(asked, depths, cost) + reopened_seconds(asked, cost)


def speed_seconds(asked: Lengths, depths: tuple[int, ...], cost: Cost) -> float:
    """Reading and writing at each depth, and the warm prompts."""
    one = asked.prompt * cost.prefill + asked.answer * cost.decode
    warm = asked.message * cost.prefill + cost.decode
    fill = max(depths, default=0) * cost.prefill
    return fill + asked.repeat * (one * (1 + len(depths)) + warm)


def reopened_seconds(asked: Lengths, cost: Cost) -> float:
    """The prompt read once and kept, then taken from the disk by one new process after the other."""
    again = cost.load + asked.message * cost.prefill + RESTORE_SECONDS
    return cost.load + asked.prompt * cost.prefill + asked.repeat * again


def _depths(room: int) -> Iterator[int]:
    """Those that fit; for the next one the deepest that does, if it is far from the one before."""
    last = DEPTH_STEP
    for depth in DEPTHS:
        if depth > room:
            deepest = room // DEPTH_STEP * DEPTH_STEP
            if deepest >= 2 * last:
                yield deepest
            return
        yield depth
        last = depth


def _within(value: float, least: int, most: int) -> int:
    return min(max(round(value), least), most)
