"""Tokens with their logarithmic probabilities, as chat completions and responses give them."""

from __future__ import annotations

import msgspec

from autoglm_lite.generation import TokenLogprob

LEAST = -9999.0
"""OpenAI's number for what has no chance at all: JSON has no infinity."""


class TopLogprob(msgspec.Struct):
    token: str
    """With U+FFFD where it is only a part of a character: see `bytes`."""
    bytes: list[int]
    logprob: float


class Logprob(msgspec.Struct):
    token: str
    bytes: list[int]
    logprob: float
    top_logprobs: list[TopLogprob]


def logprob(given: TokenLogprob) -> Logprob:
    top = [TopLogprob(_text(piece), list(piece), max(LEAST, value)) for _, piece, value in given.top]
    return Logprob(_text(given.piece), list(given.piece), max(LEAST, given.logprob), top)


def _text(piece: bytes) -> str:
    return piece.decode("utf-8", "replace")
