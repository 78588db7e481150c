"""What a vocabulary says of itself beyond its tokens."""

from __future__ import annotations

from autoglm_lite.native.bindings import bindings
from autoglm_lite.native.model import Model


def beginning(model: Model) -> int | None:
    """The token that this vocabulary puts before a text; None where it puts none."""
    lib = bindings()
    if not lib.llama_vocab_get_add_bos(model.vocab):
        return None
    token: int = lib.llama_vocab_bos(model.vocab)
    return token
