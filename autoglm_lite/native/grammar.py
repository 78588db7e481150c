"""Stand-in until the branch `grammar` is merged."""

from __future__ import annotations

from typing import Any

from autoglm_lite.errors import UsageError
from autoglm_lite.native.bindings import bindings
from autoglm_lite.native.model import Model


def grammar_sampler(model: Model, gbnf: str) -> Any:
    sampler = bindings().llama_sampler_init_grammar(model.vocab, gbnf.encode(), b"root")
    if not sampler:
        raise UsageError("The grammar has a mistake.")
    return sampler
