"""Which values the samplers can work with: llama.cpp takes any, and then divides by zero or allocates 8 GB."""

from __future__ import annotations

import math

from autoglm_lite.errors import UsageError
from autoglm_lite.generation import LARGEST, RANGES, WHOLE_RANGES, Sampling

MOST_LOGPROBS = 20
"""Of the likeliest tokens beside the chosen one, as in OpenAI's API."""


def check(sampling: Sampling, *, n_vocab: int, logprobs: int | None) -> None:
    """Raises UsageError for the first value that makes no sense."""
    for name, (least, most) in (*RANGES.items(), *WHOLE_RANGES.items()):
        value = getattr(sampling, name)
        # NaN is in no range.
        if not least <= value <= most or (name in WHOLE_RANGES and value != int(value)):
            whole = " whole" if name in WHOLE_RANGES else ""
            raise UsageError(f"{name} is {value}: it must be a{whole} number from {least:,g} to {most:,g}.")
    if logprobs is not None and not 0 <= logprobs <= MOST_LOGPROBS:
        raise UsageError(f"Log-probabilities of {logprobs} tokens were asked for: choose 0 to {MOST_LOGPROBS}.")
    _check_bias(sampling.logit_bias, n_vocab)


def _check_bias(logit_bias: tuple[tuple[int, float], ...], n_vocab: int) -> None:
    forbidden: set[int] = set()
    for token, bias in logit_bias:
        if not 0 <= token < n_vocab:
            raise UsageError(f"logit_bias names token {token}, but this model's tokens go from 0 to {n_vocab - 1}.")
        if bias == -math.inf:
            forbidden.add(token)
        elif not -LARGEST <= bias <= LARGEST:
            allowed = f"-inf or a number from {-LARGEST:,g} to {LARGEST:,g}"
            raise UsageError(f"logit_bias of token {token} is {bias}: it must be {allowed}.")
    if len(forbidden) == n_vocab:
        raise UsageError("logit_bias forbids every token, so that nothing could be written: allow some.")
