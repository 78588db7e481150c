"""How the model is to write, as Ollama's clients say it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from autoglm_lite.generation import Sampling
from autoglm_lite.server import wishes
from autoglm_lite.server.limits import Penalty, Seed, Share, Stops, Temperature

Int32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
Format = Literal["", "json"] | dict[str, Any] | None
"""Or a JSON schema."""
Think = bool | Literal["low", "medium", "high"] | None


class Options(msgspec.Struct):
    """Those that have an effect here. What others say, such as `num_ctx` and `num_gpu`, the model's plan decides."""

    num_predict: Int32 | None = None
    """Below 1: until the model stops or the context is full."""
    temperature: Temperature | None = None
    top_k: Int32 | None = None
    """Below 1: all."""
    top_p: Share | None = None
    min_p: Share | None = None
    typical_p: Share | None = None
    seed: Seed | None = None
    stop: Stops | None = None
    repeat_penalty: Annotated[float, Meta(ge=0.001, le=1000)] | None = None
    repeat_last_n: Annotated[int, Meta(ge=-1, le=2**31 - 1)] | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    mirostat: Literal[0, 1, 2] | None = None
    mirostat_tau: Annotated[float, Meta(ge=0, le=100)] | None = None
    mirostat_eta: Annotated[float, Meta(ge=0, le=10)] | None = None

    @property
    def max_tokens(self) -> int | None:
        return self.num_predict if self.num_predict is not None and self.num_predict > 0 else None


async def sampling(advised: Sampling, options: Options, form: Format) -> Sampling:
    """Raises UsageError for a schema that cannot be enforced."""
    grammar = None
    if isinstance(form, dict):
        grammar = await wishes.schema_grammar(form)
    elif form:
        grammar = await wishes.object_grammar()
    return wishes.sampling(
        advised,
        temperature=options.temperature,
        top_k=None if options.top_k is None else max(0, options.top_k),
        top_p=options.top_p,
        min_p=options.min_p,
        typical_p=options.typical_p,
        seed=options.seed,
        repeat_penalty=options.repeat_penalty,
        repeat_last_n=options.repeat_last_n,
        presence_penalty=options.presence_penalty,
        frequency_penalty=options.frequency_penalty,
        mirostat=options.mirostat,
        mirostat_tau=options.mirostat_tau,
        mirostat_eta=options.mirostat_eta,
        grammar=grammar,
    )


def thinking(think: Think) -> tuple[bool | None, int | None]:
    """The template's switch and the most tokens of reasoning."""
    if think is True:
        return True, None
    return wishes.thinking("none" if think is False else think)
