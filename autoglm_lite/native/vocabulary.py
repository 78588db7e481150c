"""What a vocabulary says of itself beyond its tokens."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

from autoglm_lite.errors import UsageError
from autoglm_lite.native.bindings import bindings
from autoglm_lite.native.model import Model

MOST_BYTES = 8_000_000


def beginning(model: Model) -> int | None:
    """The token that this vocabulary puts before a text; None where it puts none."""
    lib = bindings()
    if not lib.llama_vocab_get_add_bos(model.vocab):
        return None
    token: int = lib.llama_vocab_bos(model.vocab)
    return token


@dataclass(frozen=True, slots=True)
class Edges:
    """The tokens that a vocabulary puts around each text, and between two; each list holds one or none."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    between: tuple[int, ...]


def edges(model: Model) -> Edges:
    """What the vocabulary adds. Where texts end with a token and it has none for that, the separator stands for it."""
    lib = bindings()
    vocab = model.vocab
    bos, eos, sep = lib.llama_vocab_bos(vocab), lib.llama_vocab_eos(vocab), lib.llama_vocab_sep(vocab)
    return Edges(
        before=_token(bos, lib.llama_vocab_get_add_bos(vocab)),
        after=_token(eos if eos >= 0 else sep, lib.llama_vocab_get_add_eos(vocab)),
        between=_token(sep, lib.llama_vocab_get_add_sep(vocab)),
    )


def text_of(model: Model, tokens: Sequence[int]) -> str:
    """The text of tokens, with the names of control tokens. Raises UsageError for an id that no token has, and for more
    than MOST_BYTES."""
    text = bytearray()
    buffer = ctypes.create_string_buffer(256)
    for token in tokens:
        if not 0 <= token < model.n_vocab:
            raise UsageError(f"There is no token {token}: this model's go from 0 to {model.n_vocab - 1}.")
        n = bindings().llama_token_to_piece(model.vocab, token, buffer, len(buffer), 0, True)
        if n < 0:
            buffer = ctypes.create_string_buffer(-n)
            n = bindings().llama_token_to_piece(model.vocab, token, buffer, len(buffer), 0, True)
        text += buffer.raw[:n]
        if len(text) > MOST_BYTES:
            raise UsageError(f"The tokens stand for more than {MOST_BYTES / 1e6:.0f} MB of text: send fewer at a time.")
    return text.decode("utf-8", "replace")


def named_template(model: Model, name: str) -> str | None:
    """The model's chat template of that name; None where it has none."""
    found: bytes | None = bindings().llama_model_chat_template(model.handle, name.encode())
    return None if found is None else found.decode("utf-8", "replace")


def _token(token: int, added: bool) -> tuple[int, ...]:
    return (token,) if added and token >= 0 else ()
