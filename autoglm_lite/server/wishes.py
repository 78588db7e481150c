"""From what a request wishes to how its model samples, in any protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from autoglm_lite.generation import Sampling

SEEDS = 2**32 - 1


def sampling(advised: Sampling, **given: Any) -> Sampling:
    """`advised` by the model's makers, overridden by what is given and not None: fields of Sampling."""
    found = {name: value for name, value in given.items() if value is not None}
    if "seed" in found:
        found["seed"] %= SEEDS
    if "logit_bias" in found:
        found["logit_bias"] = tuple(found["logit_bias"].items())
    return replace(advised, **found)


async def schema_grammar(schema: Mapping[str, object]) -> str:
    """GBNF for JSON that fits `schema`. Raises UsageError, with the place in it, for what cannot be enforced."""
    from autoglm_lite.grammar import from_schema

    return await asyncio.to_thread(from_schema, schema)


async def object_grammar() -> str:
    """GBNF for any JSON object."""
    from autoglm_lite.grammar import json_object

    return await asyncio.to_thread(json_object)


THINKING_TOKENS = {"none": 0, "minimal": 128, "low": 512, "medium": 2048, "high": None, "xhigh": None, "max": None}
"""By the effort that a request wishes: what reasoning may take, at the speed of an old laptop; None sets no end."""


def thinking(effort: str | None) -> tuple[bool | None, int | None]:
    """The template's switch and the most tokens of reasoning."""
    if effort is None:
        return None, None
    tokens = THINKING_TOKENS[effort]
    return effort != "none", tokens
