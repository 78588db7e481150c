"""Which values the samplers can work with: llama.cpp takes any, and then divides by zero or allocates 8 GB."""

from __future__ import annotations

import math

from autoglm_lite.errors import UsageError
from autoglm_lite.generation import Sampling

MOST_LOGPROBS = 20
"""Of the likeliest tokens beside the chosen one, as in OpenAI's API."""

LARGEST = 10_000.0
"""Of what is added to a logit: far beyond any logit, and no sum of them overflows."""

RANGES: dict[str, tuple[float, float]] = {
    "temperature": (0, 100),
    "top_p": (0, 1),
    "min_p": (0, 1),
    "typical_p": (0, 1),
    "repeat_penalty": (0.001, 1000),
    "frequency_penalty": (-LARGEST, LARGEST),
    "presence_penalty": (-LARGEST, LARGEST),
    "dry_multiplier": (0, LARGEST),
    "dry_base": (1, 100),
    "xtc_probability": (0, 1),
    "xtc_threshold": (0, 1),
    "mirostat_tau": (0, 100),
    "mirostat_eta": (0, 10),
}
WHOLE_RANGES: dict[str, tuple[int, int]] = {
    "top_k": (0, 2**31 - 1),
    "repeat_last_n": (-1, 2**31 - 1),
    "dry_allowed_length": (0, 2**31 - 1),
    "mirostat": (0, 2),
}


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
