"""llama.cpp's grammar sampler, made only from grammars that it survives."""

from __future__ import annotations

import re
from typing import Any

from autoglm_lite.errors import UsageError
from autoglm_lite.native.bindings import bindings
from autoglm_lite.native.model import Model


def check_grammar(gbnf: str) -> None:
    """Raises UsageError for a grammar that cannot be used."""
    # 12 ms of a worker's start that most do without.
    from autoglm_lite.grammar import check

    check(gbnf)


def grammar_sampler(model: Model, gbnf: str, *, behind: str = "") -> Any:
    """A new `llama_sampler`, which the caller, or the chain it is added to, frees. With `behind`, what it allows is
    that text and then what the grammar does.

    It gives -inf to what may not follow. llama.cpp ends the process when it is then told of such a token, or of the
    end where the grammar has none: where no candidate is left, nothing may be accepted and the answer is over.
    Raises UsageError for a grammar that cannot be used.
    """
    check_grammar(gbnf)
    root = "root"
    if behind:
        # A text before all the rest, which makes no grammar that was checked any worse.
        while re.search(rf"^[ \t]*{root}[ \t]*::=", gbnf, re.MULTILINE):
            root += "-"
        text = "".join(f"\\U{ord(char):08X}" for char in behind)
        gbnf = f'{gbnf}\n{root} ::= "{text}" root\n'
    sampler = bindings().llama_sampler_init_grammar(model.vocab, gbnf.encode(), root.encode())
    if not sampler:
        raise UsageError("llama.cpp refuses the grammar.")
    return sampler
