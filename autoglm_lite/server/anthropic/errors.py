"""Failures as Anthropic's clients read them."""

from __future__ import annotations

from typing import Literal

import msgspec

from autoglm_lite.server.endpoint import Family
from autoglm_lite.server.failures import Failure, Kind

ErrorType = Literal[
    "invalid_request_error",
    "authentication_error",
    "permission_error",
    "not_found_error",
    "request_too_large",
    "rate_limit_error",
    "overloaded_error",
    "api_error",
]
TYPES: dict[Kind, ErrorType] = {
    "invalid": "invalid_request_error",
    "too_long": "invalid_request_error",
    "key": "authentication_error",
    "forbidden": "permission_error",
    "no_model": "not_found_error",
    "not_found": "not_found_error",
    "too_large": "request_too_large",
    "busy": "rate_limit_error",
    "unavailable": "overloaded_error",
    "internal": "api_error",
}


class ErrorBody(msgspec.Struct):
    type: ErrorType
    message: str


class Error(msgspec.Struct, tag_field="type", tag="error"):
    error: ErrorBody


def error(failure: Failure) -> Error:
    sentence = failure.sentence
    if failure.kind == "too_long" and failure.n_tokens is not None:
        # The words by which clients know that they must shorten the conversation.
        sentence = f"prompt is too long: {failure.n_tokens} tokens > {failure.n_ctx} maximum. {sentence}"
    return Error(ErrorBody(TYPES[failure.kind], sentence))


FAMILY = Family("anthropic", error, Error)
