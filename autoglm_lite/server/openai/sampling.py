"""How tokens are chosen, as requests say it: OpenAI's fields and llama.cpp's."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from autoglm_lite.errors import UsageError
from autoglm_lite.generation import LARGEST, Sampling
from autoglm_lite.server import wishes
from autoglm_lite.server.limits import MOST_BIASES, Penalty, Seed, Share, Temperature, TopK

RANDOM_SEED = -1
"""llama.cpp's: a new one for each answer."""

MaxTokens = Annotated[int, Meta(ge=-1, le=10_000_000)]
"""-1, as llama-server's clients say it: until the model stops or the context is full, like None."""

TokenId = Annotated[str, Meta(pattern="^[0-9]{1,10}$")]
Bias = Annotated[float, Meta(ge=-100, le=100)]
Multiplier = Annotated[float, Meta(ge=0, le=LARGEST)]


class SamplingFields(msgspec.Struct, kw_only=True):
    """Of a request; what is null or not there is as the model's makers advise."""

    temperature: Temperature | None = None
    top_p: Share | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    seed: Seed | None = None
    logit_bias: Annotated[dict[TokenId, Bias], Meta(max_length=MOST_BIASES)] | None = None
    top_k: Annotated[int, Meta(ge=-1, le=2**31 - 1)] | None = None
    """-1 or 0: all."""
    min_p: Share | None = None
    typical_p: Share | None = None
    repeat_penalty: Annotated[float, Meta(ge=0.001, le=1000)] | None = None
    repeat_last_n: Annotated[int, Meta(ge=-1, le=2**31 - 1)] | None = None
    dry_multiplier: Multiplier | None = None
    dry_base: Annotated[float, Meta(ge=1, le=100)] | None = None
    dry_allowed_length: TopK | None = None
    xtc_probability: Share | None = None
    xtc_threshold: Share | None = None
    mirostat: Literal[0, 1, 2] | None = None
    mirostat_tau: Annotated[float, Meta(ge=0, le=100)] | None = None
    mirostat_eta: Annotated[float, Meta(ge=0, le=10)] | None = None


PLAIN = tuple(name for name in SamplingFields.__struct_fields__ if name not in ("seed", "logit_bias"))


def sampling(fields: SamplingFields, advised: Sampling, grammar: str | None = None) -> Sampling:
    """`advised` by the model's makers, overridden by what the request says."""
    given = {name: getattr(fields, name) for name in PLAIN}
    seed = None if fields.seed == RANDOM_SEED else fields.seed
    bias = None if fields.logit_bias is None else {int(token): value for token, value in fields.logit_bias.items()}
    if fields.top_k == -1:
        given["top_k"] = 0
    return wishes.sampling(advised, **given, seed=seed, logit_bias=bias, grammar=grammar)


def most_tokens(given: int | None) -> int | None:
    """Raises UsageError for an answer without a token."""
    if given == 0:
        raise UsageError("An answer has at least one token: give max_tokens of 1 or more, or leave it out.")
    return None if given == -1 else given
