"""Routes that belong to no other program's protocol: whether the service is well, and tokens."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from autoglm_lite.server import tokens
from autoglm_lite.server.endpoint import Call, Endpoint, Family, answered
from autoglm_lite.server.failures import Failure


class Error(msgspec.Struct):
    error: str


def error(failure: Failure) -> Error:
    return Error(failure.sentence)


FAMILY = Family("own", error, Error)


class Health(msgspec.Struct):
    status: str


async def health(call: Call) -> Response:
    """Says only that somebody answers: it needs no key."""
    return answered(Health("ok"))


ENDPOINTS = (
    Endpoint("GET", "/health", FAMILY, "Whether the service answers", health, answer=Health, open=True),
    Endpoint("POST", "/tokenize", FAMILY, "A text as tokens", tokens.tokenize, tokens.TokenizeRequest, tokens.Tokens),
    Endpoint(
        "POST",
        "/detokenize",
        FAMILY,
        "The text of tokens",
        tokens.detokenize,
        tokens.DetokenizeRequest,
        tokens.Content,
    ),
)
