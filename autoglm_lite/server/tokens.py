"""Texts as tokens, and back, as llama-server gives them."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response

from autoglm_lite.server.endpoint import Call, answered
from autoglm_lite.server.limits import Name
from autoglm_lite.server.streaming import awaited

MOST_TOKENS = 1_000_000
"""As many as the largest context holds."""


class TokenizeRequest(msgspec.Struct):
    content: str
    model: Name | None = None
    add_special: bool | None = None
    """Whether the tokens that the vocabulary puts around a text are added."""
    parse_special: bool | None = None
    """Whether the names of control tokens stand for them; None: they do."""
    templated: bool | None = None
    """As of a prompt of completions, in place of the other two: how its tokens are counted."""


class Tokens(msgspec.Struct):
    tokens: list[int]


class DetokenizeRequest(msgspec.Struct):
    tokens: Annotated[list[Annotated[int, Meta(ge=0, le=2**31 - 1)]], Meta(max_length=MOST_TOKENS)]
    model: Name | None = None


class Content(msgspec.Struct):
    content: str


async def tokenize(call: Call) -> Response:
    return answered(await awaited(call.request, _tokens(call)))


async def detokenize(call: Call) -> Response:
    return answered(await awaited(call.request, _content(call)))


async def _tokens(call: Call) -> Tokens:
    body: TokenizeRequest = call.body
    parse, add = body.parse_special is not False, bool(body.add_special)
    if body.templated is not None:
        parse, add = body.templated, not body.templated
    if not body.content:
        return Tokens([])
    async with call.service.models.use(body.model, None) as resident:
        return Tokens(await resident.worker.tokenize(body.content, templated=parse, add_special=add))


async def _content(call: Call) -> Content:
    async with call.service.models.use(call.body.model, None) as resident:
        return Content(await resident.worker.detokenize(call.body.tokens))
