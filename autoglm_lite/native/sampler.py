"""llama.cpp's chain of samplers."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from autoglm_lite.generation import Sampling, TokenLogprob
from autoglm_lite.native.bindings import bindings
from autoglm_lite.native.context import Context
from autoglm_lite.native.model import Model


@dataclass(frozen=True, slots=True)
class Sampled:
    token: int
    logprob: TokenLogprob | None


class Sampler:
    """Owns a `llama_sampler` chain in llama.cpp's usual order: penalties, top-k, top-p, min-p, temperature."""

    def __init__(
        self, sampling: Sampling, model: Model, *, n_ctx: int, logprobs: int | None = None, choice: int = 0
    ) -> None:
        self._lib = lib = bindings()
        self._chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
        greedy = sampling.temperature <= 0
        if sampling.repeat_penalty != 1.0:
            self._add(
                lib.llama_sampler_init_penalties(
                    model.n_vocab, sampling.repeat_last_n, sampling.repeat_penalty, 0.0, 0.0
                )
            )
        if greedy:
            self._add(lib.llama_sampler_init_greedy())
            return
        # top-k first: the others then look at k candidates instead of the whole vocabulary.
        self._add(lib.llama_sampler_init_top_k(sampling.top_k))
        self._add(lib.llama_sampler_init_top_p(sampling.top_p, 1))
        self._add(lib.llama_sampler_init_min_p(sampling.min_p, 1))
        self._add(lib.llama_sampler_init_temp(sampling.temperature))
        seed = secrets.randbits(32) if sampling.seed is None else (sampling.seed + choice) & 0xFFFFFFFF
        self._add(lib.llama_sampler_init_dist(seed))

    def accept(self, tokens: Iterable[int]) -> None:
        """Lets the penalties look back on tokens that were not sampled here."""
        for token in tokens:
            self._lib.llama_sampler_accept(self._chain, token)

    def sample(self, context: Context, row: int, *, free: bool = False) -> Sampled:
        """The token after the `row`th of the last batch."""
        return Sampled(self._lib.llama_sampler_sample(self._chain, context.handle, row), None)

    def close(self) -> None:
        if self._chain:
            self._lib.llama_sampler_free(self._chain)
            self._chain = None

    def _add(self, sampler: object) -> None:
        self._lib.llama_sampler_chain_add(self._chain, sampler)
