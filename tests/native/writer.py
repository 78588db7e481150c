"""A small model that writes with a sampler, and what a sampler should do computed without llama.cpp."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path

import numpy as np
import numpy.typing as npt

from autoglm_lite.generation import Sampling, TokenLogprob
from autoglm_lite.native.context import Context
from autoglm_lite.native.model import Model
from autoglm_lite.native.sampler import Sampler

STARTER = Path(__file__).parents[2] / "autoglm_lite" / "data" / "starter.gguf"
N_CTX = 512

Probabilities = npt.NDArray[np.float64]


class Writer:
    """A model and its context; `tokens` are in the cache."""

    def __init__(self, path: Path) -> None:
        self.model = Model(str(path), load_mode="mmap", repack=False)
        self.context = Context(
            self.model, n_ctx=N_CTX, n_ubatch=N_CTX, threads=1, threads_batch=1, kv_type="f16", n_outputs=4
        )
        self.tokens: list[int] = []

    def close(self) -> None:
        self.context.close()
        self.model.close()

    def sampler(
        self, sampling: Sampling, *, logprobs: int | None = None, choice: int = 0, written: Collection[int] = ()
    ) -> Sampler:
        return Sampler(sampling, self.model, n_ctx=N_CTX, logprobs=logprobs, choice=choice, written=written)

    def read(self, text: str = "Once upon a time", *, n_outputs: int = 1) -> npt.NDArray[np.float32]:
        """Puts `text` into the empty cache; returns the logits of the last token."""
        self.context.forget_from(0)
        self.tokens = self.model.tokenize(text, add_special=True, parse_special=True)
        self.context.decode(self.tokens, 0, n_outputs=n_outputs)
        return np.array(self.context.logits(n_outputs)[-1])

    def write(
        self, sampler: Sampler, n: int, text: str = "Once upon a time", *, logprobs: list[TokenLogprob] | None = None
    ) -> list[int]:
        """At most `n` tokens after `text`, up to one that ends the answer; closes the sampler."""
        self.read(text)
        sampler.accept(self.tokens)
        written: list[int] = []
        for _ in range(n):
            sampled = sampler.sample(self.context, -1)
            written.append(sampled.token)
            if logprobs is not None and sampled.logprob is not None:
                logprobs.append(sampled.logprob)
            if self.model.ends_generation(sampled.token):
                break
            self.context.decode([sampled.token], len(self.tokens), n_outputs=1)
            self.tokens.append(sampled.token)
        sampler.close()
        return written

    def text(self, tokens: list[int]) -> str:
        return b"".join(map(self.model.token_bytes, tokens)).decode("utf-8", "replace")

    def draws(self, sampler: Sampler, n: int) -> Counter[int]:
        """`n` choices from the same logits; closes the sampler."""
        counts = Counter(sampler.sample(self.context, -1).token for _ in range(n))
        sampler.close()
        return counts


def softmax(logits: npt.NDArray[np.float64]) -> Probabilities:
    weights: Probabilities = np.exp(logits - logits.max())
    weights /= weights.sum()
    return weights


def law(logits: npt.NDArray[np.float32], sampling: Sampling, past: list[int] | None = None) -> Probabilities:
    """The probability of each token, from the definitions of the samplers; without mirostat, DRY and grammar."""
    scores = logits.astype(np.float64)
    for token, bias in sampling.logit_bias:
        scores[token] += bias
    for token, count in Counter(past or []).items():
        repeat = sampling.repeat_penalty
        scores[token] = scores[token] * repeat if scores[token] <= 0 else scores[token] / repeat
        scores[token] -= count * sampling.frequency_penalty + sampling.presence_penalty
    kept = np.argsort(-scores, kind="stable")
    if sampling.top_k:
        kept = kept[: sampling.top_k]
    if sampling.typical_p < 1:
        p = softmax(scores[kept])
        surprise = -np.log(np.maximum(p, 1e-300))
        by_typicality = np.argsort(np.abs(surprise - (p * surprise).sum()), kind="stable")
        n = int(np.searchsorted(np.cumsum(p[by_typicality]), sampling.typical_p, side="right")) + 1
        kept = kept[np.sort(by_typicality[:n])]
    if sampling.top_p < 1:
        n = int(np.searchsorted(np.cumsum(softmax(scores[kept])), sampling.top_p)) + 1
        kept = kept[:n]
    if sampling.min_p > 0:
        kept = kept[scores[kept] >= scores[kept].max() + np.log(sampling.min_p)]
    result = _tempered(scores, kept, sampling)
    if sampling.xtc_probability > 0 and sampling.xtc_threshold <= 0.5:
        n_likely = int((softmax(scores[kept]) >= sampling.xtc_threshold).sum())
        without = _tempered(scores, kept[max(n_likely - 1, 0) :], sampling)
        result = (1 - sampling.xtc_probability) * result + sampling.xtc_probability * without
    return result


def _tempered(scores: npt.NDArray[np.float64], kept: npt.NDArray[np.intp], sampling: Sampling) -> Probabilities:
    result = np.zeros_like(scores)
    result[kept] = softmax(scores[kept] / sampling.temperature)
    return result


def far_from(counts: Counter[int], probabilities: Probabilities) -> float:
    """How many standard deviations Pearson's chi-square is above what a fair sample gives; rare tokens count as one."""
    n = counts.total()
    assert all(probabilities[token] > 0 for token in counts), "a token that the law forbids"
    common = np.flatnonzero(probabilities * n >= 8)
    expected = np.append(probabilities[common] * n, n - probabilities[common].sum() * n)
    observed = np.array([counts[int(token)] for token in common])
    observed = np.append(observed, n - observed.sum())
    cells = expected > 1e-6 * n
    square = float((((observed - expected)[cells] ** 2) / expected[cells]).sum())
    degrees = max(int(cells.sum()) - 1, 1)
    return (square - degrees) / float(np.sqrt(2 * degrees))
