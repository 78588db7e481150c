"""What a vocabulary says of itself beyond its tokens."""

from __future__ import annotations

from dataclasses import dataclass

from autoglm_lite.native.bindings import bindings
from autoglm_lite.native.model import Model


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


def named_template(model: Model, name: str) -> str | None:
    """The model's chat template of that name; None where it has none."""
    found: bytes | None = bindings().llama_model_chat_template(model.handle, name.encode())
    return None if found is None else found.decode("utf-8", "replace")


def _token(token: int, added: bool) -> tuple[int, ...]:
    return (token,) if added and token >= 0 else ()
