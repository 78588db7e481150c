"""What llama.cpp wants to know of each token beside its text."""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path
from typing import Any

from autoglm_lite.errors import ConversionError
from converters.config import Config


class TokenType(IntEnum):
    """`tokenizer.ggml.token_type`, the numbers of SentencePiece's own types."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


LOWER_ONE_EIGHTH_BLOCK = "\u2581"
"""SentencePiece's visible space."""


VOCAB_LIMIT = 1 << 22
"""Tokens of a vocabulary; the largest in use have about 300,000."""


def looks_special(text: str) -> bool:
    """Whether a token is a control token by its look, although its checkpoint does not say so."""
    if text in ("<pad>", "<mask>", "<2mass>", "[@BOS@]"):
        return True
    frames = (("<|", "|>"), ("<\uff5c", "\uff5c>"), ("<unused", ">"))
    return any(text.startswith(opening) and text.endswith(closing) for opening, closing in frames)


def added_type(text: str, special: object) -> tuple[str, TokenType]:
    """The text and type of an added token: user-defined ones match plain spaces in the input."""
    if special or looks_special(text):
        return text, TokenType.CONTROL
    return text.replace(LOWER_ONE_EIGHTH_BLOCK, " "), TokenType.USER_DEFINED


def vocab_size(config: Config) -> int:
    """The number of tokens that a model has; raises ConversionError."""
    # ChatGLM's own form may give the padded size alone.
    return config.integer("vocab_size" if config.has("vocab_size") else "padded_vocab_size", most=VOCAB_LIMIT)


def token_id(value: object, path: Path) -> int:
    """`value` as a token's number; raises ConversionError when `path` gives something else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConversionError(f"{path} gives a token a number that is none; download it again.")
    return value


def token_text(entry: Any, path: Path) -> str:
    """The text of a token that `path` describes as an object with `content`; raises ConversionError otherwise."""
    text = entry.get("content") if isinstance(entry, dict) else None
    if not isinstance(text, str):
        raise ConversionError(f"{path} describes a token without its text; download it again.")
    return text
