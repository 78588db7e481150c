"""Failures as OpenAI's clients read them."""

from __future__ import annotations

import msgspec

from autoglm_lite.server import sse
from autoglm_lite.server.endpoint import Family
from autoglm_lite.server.failures import Failure, Kind

TYPES: dict[Kind, str] = {
    "invalid": "invalid_request_error",
    "too_long": "exceed_context_size_error",
    "key": "authentication_error",
    "forbidden": "permission_error",
    "no_model": "not_found_error",
    "not_found": "not_found_error",
    "too_large": "invalid_request_error",
    "busy": "rate_limit_error",
    "unavailable": "unavailable_error",
    "internal": "server_error",
}
CODES: dict[Kind, str] = {
    "too_long": "context_length_exceeded",
    "key": "invalid_api_key",
    "no_model": "model_not_found",
    "busy": "rate_limit_exceeded",
}


class ErrorBody(msgspec.Struct, omit_defaults=True):
    message: str
    type: str
    code: str | None
    param: str | None
    n_prompt_tokens: int | None = None
    n_ctx: int | None = None


class Error(msgspec.Struct):
    error: ErrorBody


def error(failure: Failure) -> Error:
    return Error(
        ErrorBody(
            failure.sentence,
            TYPES[failure.kind],
            CODES.get(failure.kind),
            failure.param,
            failure.n_tokens,
            failure.n_ctx,
        )
    )


def failed(failure: Failure) -> bytes:
    """The last event of a stream that failed."""
    return sse.data(error(failure))


FAMILY = Family("openai", error, Error)
