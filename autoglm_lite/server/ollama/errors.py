"""Failures as Ollama's clients read them."""

from __future__ import annotations

import msgspec

from autoglm_lite.server.endpoint import Family
from autoglm_lite.server.failures import Failure


class Error(msgspec.Struct):
    error: str


def error(failure: Failure) -> Error:
    return Error(failure.sentence)


def failed(failure: Failure) -> bytes:
    """Of an answer that has begun."""
    return msgspec.json.encode(error(failure)) + b"\n"


FAMILY = Family("ollama", error, Error)
