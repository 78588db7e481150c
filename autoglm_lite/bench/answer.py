"""One request as its client saw it, and what several of them say together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Answer:
    """Times in seconds."""

    prompt_tokens: int
    cached_tokens: int
    prefill_seconds: float
    """As the engine says."""
    first_token: float
    """From the request to its first text."""
    gaps: tuple[tuple[float, int], ...]
    """For each text after the first: how long after the one before it came, and its tokens. The engine joins tokens
    that come faster than anyone reads."""

    @property
    def prefill(self) -> float:
        """Tokens per second that had to be read."""
        return (self.prompt_tokens - self.cached_tokens) / max(self.prefill_seconds, 1e-9)


def decode_speed(answers: Iterable[Answer]) -> float:
    """Tokens per second: of each answer, and of these the median; of those without two texts none counts.

    Raises ValueError when there is none.
    """
    found = []
    for answer in answers:
        n_tokens, seconds = sum(n for _, n in answer.gaps), sum(gap for gap, _ in answer.gaps)
        if n_tokens and seconds > 0:
            found.append(n_tokens / seconds)
    if not found:
        raise ValueError("no answer of two tokens")
    return median(found)


@dataclass(frozen=True, slots=True)
class Between:
    """Seconds between a token and the next."""

    median: float
    p99: float
    joined: bool
    """Whether texts held several tokens: each then counts with its share of the time, so `p99` is that of texts."""


def between(answers: Iterable[Answer]) -> Between:
    """Over all tokens of all answers. Raises ValueError when there is none."""
    gaps = [gap for answer in answers for gap in answer.gaps if gap[1]]
    each = sorted(seconds / n for seconds, n in gaps for _ in range(n))
    if not each:
        raise ValueError("no answer of two tokens")
    return Between(median(each), quantile(each, 0.99), any(n > 1 for _, n in gaps))


def quantile(ascending: Sequence[float], share: float) -> float:
    """The smallest value that is not below `share` of all (nearest rank)."""
    return ascending[max(math.ceil(share * len(ascending)), 1) - 1]
