"""llama.cpp's samplers for one answer, in the order of its own programs (common/sampling.cpp)."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterable, Iterator
from typing import Any

from autoglm_lite.generation import Sampling
from autoglm_lite.native.bindings import bindings
from autoglm_lite.native.model import Model

GREEDY_BELOW = 1e-5
"""A temperature that leaves only the likeliest token, and lets logits overflow when they are divided by it."""

DRY_BREAKERS = (b"\n", b":", b'"', b"*")
"""Text that ends a repeated phrase for DRY (common/common.h)."""

MIROSTAT_M = 100
"""Tokens from which mirostat 1 estimates the distribution's slope (common/sampling.cpp)."""

IMPOSSIBLE = 1e-30
"""Of the likeliest token's probability: less is dropped where a sampler computes log(p), which for p = 0 is NaN."""


def make_chain(samplers: Iterable[object]) -> Any:
    """A `llama_sampler` chain that owns `samplers`."""
    lib = bindings()
    chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
    for sampler in samplers:
        lib.llama_sampler_chain_add(chain, sampler)
    return chain


def samplers(sampling: Sampling, model: Model, *, look_back: int, seed: int) -> Iterator[object]:
    """What changes the logits, then what drops candidates, then what chooses; each to be freed by its chain.

    `look_back`: tokens that penalties and DRY look back on. Those that would change nothing are left out.
    """
    lib = bindings()
    bias = [*sampling.logit_bias, *((token, -math.inf) for token in _suppressed(model))]
    if bias:
        yield bias_sampler(bias, model)
    if punishes_repeats(sampling) and look_back:
        yield lib.llama_sampler_init_penalties(
            model.n_vocab,
            look_back,
            sampling.repeat_penalty,
            sampling.frequency_penalty,
            sampling.presence_penalty,
        )
    if sampling.dry_multiplier and look_back:
        yield lib.llama_sampler_init_dry(
            model.vocab,
            sampling.dry_multiplier,
            sampling.dry_base,
            sampling.dry_allowed_length,
            look_back,
            (ctypes.c_char_p * len(DRY_BREAKERS))(*DRY_BREAKERS),
            len(DRY_BREAKERS),
        )
    if sampling.temperature < GREEDY_BELOW:
        yield lib.llama_sampler_init_greedy()
    elif sampling.mirostat:
        yield from _mirostat(sampling, model, seed)
    else:
        yield from _truncation(sampling, seed)
        yield lib.llama_sampler_init_temp(sampling.temperature)
        yield lib.llama_sampler_init_dist(seed)


def bias_sampler(bias: Iterable[tuple[int, float]], model: Model) -> object:
    entries = [bindings().llama_logit_bias(token, value) for token, value in bias]
    array = (bindings().llama_logit_bias * len(entries))(*entries)
    sampler: object = bindings().llama_sampler_init_logit_bias(model.n_vocab, len(entries), array)
    return sampler


def punishes_repeats(sampling: Sampling) -> bool:
    return (sampling.repeat_penalty, sampling.frequency_penalty, sampling.presence_penalty) != (1, 0, 0)


def _truncation(sampling: Sampling, seed: int) -> Iterator[object]:
    lib = bindings()
    if sampling.top_k:
        yield lib.llama_sampler_init_top_k(sampling.top_k)
    if sampling.typical_p < 1:
        yield lib.llama_sampler_init_min_p(IMPOSSIBLE, 0)
        yield lib.llama_sampler_init_typical(sampling.typical_p, 0)
    if sampling.top_p < 1:
        yield lib.llama_sampler_init_top_p(sampling.top_p, 0)
    if sampling.min_p > 0:
        yield lib.llama_sampler_init_min_p(sampling.min_p, 0)
    if sampling.xtc_probability > 0 and sampling.xtc_threshold <= 0.5:
        yield lib.llama_sampler_init_xtc(sampling.xtc_probability, sampling.xtc_threshold, 0, seed)


def _mirostat(sampling: Sampling, model: Model, seed: int) -> Iterator[object]:
    lib = bindings()
    yield lib.llama_sampler_init_temp(sampling.temperature)
    yield lib.llama_sampler_init_min_p(IMPOSSIBLE, 0)
    tau, eta = sampling.mirostat_tau, sampling.mirostat_eta
    if sampling.mirostat == 1:
        yield lib.llama_sampler_init_mirostat(model.n_vocab, seed, tau, eta, MIROSTAT_M)
    else:
        yield lib.llama_sampler_init_mirostat_v2(seed, tau, eta)


def _suppressed(model: Model) -> list[int]:
    """Tokens that the model's file says must never be chosen."""
    n = ctypes.c_int32()
    tokens = bindings().llama_vocab_get_suppress_tokens(model.vocab, ctypes.byref(n))
    return list(tokens[: n.value]) if tokens else []
