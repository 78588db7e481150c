"""Logits as distributions: how likely the right token was, and how far one distribution is from another.

The 16-bit code of a base's log-probabilities, its rounding included, is that of llama-perplexity --kl-divergence-base
(tools/perplexity/perplexity.cpp of llama.cpp), so that the figures are comparable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LOWEST = -16.0
"""Of log-probabilities that the code keeps apart, below the highest logit; what is lower counts as this."""


@dataclass(frozen=True, slots=True)
class Coded:
    """Rows of log-probabilities as scale * code + lowest."""

    scale: npt.NDArray[np.float32]
    """(n_rows,)"""
    lowest: npt.NDArray[np.float32]
    """(n_rows,)"""
    codes: npt.NDArray[np.uint16]
    """(n_rows, n_vocab)"""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Of each row, (n_rows,)."""

    nll: npt.NDArray[np.float32]
    base_nll: npt.NDArray[np.float32]
    kld: npt.NDArray[np.float64]
    same_top: npt.NDArray[np.bool_]


def negative_log_likelihood(logits: npt.NDArray[np.float32], targets: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Of the token that each row (n_rows, n_vocab) should have expected: (n_rows,)."""
    import numpy as np

    highest = logits.max(1)
    chosen = logits[np.arange(len(logits)), targets]
    return np.asarray(_log_sum_exp(logits, highest) - (chosen - highest))


def encode(logits: npt.NDArray[np.float32]) -> Coded:
    import numpy as np

    highest = logits.max(1)
    lowest = np.maximum(logits.min(1), highest + np.float32(LOWEST))
    log_sum = _log_sum_exp(logits, highest).astype(np.float32)
    scale = (highest - lowest) / np.float32(65535)
    inverse = np.divide(np.float32(1), scale, out=np.zeros_like(scale), where=scale > 0)
    steps = np.maximum(logits - lowest[:, None], np.float32(0))
    steps *= inverse[:, None]
    codes = np.rint(steps, out=steps).astype(np.uint16)
    return Coded(scale, lowest - highest - log_sum, codes)


def compare(logits: npt.NDArray[np.float32], targets: npt.NDArray[np.int64], base: Coded) -> Comparison:
    """How far the distributions of `logits` are from the base's: the sum over the vocabulary of p ln(p / q), with p the
    base's."""
    import numpy as np

    rows = np.arange(len(logits))
    highest = logits.max(1)
    normaliser = highest + _log_sum_exp(logits, highest).astype(np.float32)
    log_p = base.scale[:, None] * base.codes.astype(np.float32)
    log_p += base.lowest[:, None]
    base_nll = -log_p[rows, targets]
    base_top = log_p.argmax(1)
    p = np.exp(log_p)
    p[log_p <= np.float32(LOWEST)] = 0
    log_p -= logits
    log_p += normaliser[:, None]
    log_p *= p
    return Comparison(
        nll=normaliser - logits[rows, targets],
        base_nll=base_nll,
        kld=log_p.sum(1, dtype=np.float64),
        same_top=base_top == logits.argmax(1),
    )


def _log_sum_exp(logits: npt.NDArray[np.float32], highest: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Above the highest logit of each row."""
    import numpy as np

    exps = logits - highest[:, None]
    return np.asarray(np.log(np.exp(exps, out=exps).sum(1, dtype=np.float64)))
