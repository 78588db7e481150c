"""What is measured of a model on a text: the words that engine, worker and commands share, and the statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

DEFAULT_CTX = 512
"""Tokens of a chunk, as llama.cpp's tools have it; published figures are mostly for this length."""

LOGITS_BYTES = 64_000_000
"""Of one batch; llama.cpp holds them twice. With 152,000 tokens in the vocabulary that is 105 rows, which a processor
computes about as fast as 512."""

BaseUse = Literal["none", "keep", "compare"]
"""Whether a scoring keeps its probabilities for a later one, or compares with those kept."""


@dataclass(frozen=True, slots=True)
class TokensRead:
    """How far a measurement is, in tokens."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class InputsOf:
    """An InputSums (gguf/importance.py) on its way: little-endian F32 in base64, (n_matrices, n_columns)."""

    name: str
    n_matrices: int
    squares: str
    counts: list[int]


@dataclass(frozen=True, slots=True)
class Collected:
    """All inputs were sent."""

    n_chunks: int


@dataclass(frozen=True, slots=True)
class ChunkScores:
    """Each token of the second half of one chunk, but the first: natural logarithms throughout.

    The lists after `nll` are empty unless the model was compared with a base.
    """

    chunk: int
    n_chunks: int
    nll: list[float]
    """Negative logarithms of the probabilities that the model gave to the tokens of the text."""
    base_nll: list[float]
    kld: list[float]
    """Kullback-Leibler divergence of the model's distribution from the base's."""
    same_top: list[bool]
    """Whether both hold the same token for the likeliest."""


@dataclass(frozen=True, slots=True)
class Scored:
    """The scoring has ended after chunk `next_chunk` - 1; more chunks wait where the kept ones filled their room."""

    next_chunk: int
    n_chunks: int


@dataclass(frozen=True, slots=True)
class LayersCompared:
    similarity: list[float]
    """For each layer the mean over tokens of the cosine between what goes in and what comes out."""


@dataclass(frozen=True, slots=True)
class Perplexity:
    value: float
    error: float
    """Standard error of `value`."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """A model against its base, as llama-perplexity --kl-divergence reports it. Errors are standard errors."""

    mean_kld: float
    mean_kld_error: float
    median_kld: float
    kld_99: float
    """Ninety-nine of a hundred tokens diverge less."""
    max_kld: float
    same_top: float
    """Share, 0 to 1."""
    same_top_error: float
    base_perplexity: float
    base_perplexity_error: float
    ratio: float
    """Perplexity divided by the base's."""
    ratio_error: float
    rms_delta_p: float
    """Root of the mean square by which the probability of the right token changed."""


class Scores:
    """The scores of all chunks so far."""

    def __init__(self) -> None:
        self._chunks: list[ChunkScores] = []
        self._sum_nll = self._sum_kld = 0.0
        self.n_tokens = 0

    def add(self, chunk: ChunkScores) -> None:
        self._chunks.append(chunk)
        self._sum_nll += sum(chunk.nll)
        self._sum_kld += sum(chunk.kld)
        self.n_tokens += len(chunk.nll)

    @property
    def n_chunks(self) -> int:
        return len(self._chunks)

    @property
    def mean_nll(self) -> float:
        """So far, at once: `perplexity` and `divergence` look at all tokens again."""
        return self._sum_nll / self.n_tokens

    @property
    def mean_kld(self) -> float:
        return self._sum_kld / self.n_tokens

    def perplexity(self) -> Perplexity:
        import numpy as np

        mean, error = _mean(self._joined([chunk.nll for chunk in self._chunks]))
        value = float(np.exp(mean))
        return Perplexity(value, value * error)

    def divergence(self) -> Divergence:
        """Formulas as in kl_divergence of tools/perplexity/perplexity.cpp."""
        import numpy as np

        nll = self._joined([chunk.nll for chunk in self._chunks])
        base = self._joined([chunk.base_nll for chunk in self._chunks])
        kld = self._joined([chunk.kld for chunk in self._chunks])
        same = self._joined([chunk.same_top for chunk in self._chunks])
        mean_kld, mean_kld_error = _mean(kld)
        base_mean, base_error = _mean(base)
        # Errors of the two perplexities are correlated: the ratio's is that of the mean difference.
        log_ratio, log_ratio_error = _mean(nll - base)
        base_perplexity, ratio = float(np.exp(base_mean)), float(np.exp(log_ratio))
        same_top = float(same.mean())
        return Divergence(
            mean_kld=mean_kld,
            mean_kld_error=mean_kld_error,
            median_kld=float(np.median(kld)),
            kld_99=float(np.quantile(kld, 0.99)),
            max_kld=float(kld.max()),
            same_top=same_top,
            same_top_error=float(np.sqrt(same_top * (1 - same_top) / max(len(same) - 1, 1))),
            base_perplexity=base_perplexity,
            base_perplexity_error=base_perplexity * base_error,
            ratio=ratio,
            ratio_error=ratio * log_ratio_error,
            rms_delta_p=float(np.sqrt(np.mean((np.exp(-nll) - np.exp(-base)) ** 2))),
        )

    @staticmethod
    def _joined(lists: Sequence[Sequence[float]]) -> npt.NDArray[np.float64]:
        import numpy as np

        return np.concatenate([np.asarray(values, dtype=np.float64) for values in lists])


def _mean(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """The mean and its standard error."""
    import numpy as np

    if len(values) < 2:
        return float(values.mean()), 0.0
    return float(values.mean()), float(np.sqrt(values.var() / (len(values) - 1)))
