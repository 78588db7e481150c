"""What stands between a grammar and llama.cpp."""

from __future__ import annotations

from functools import lru_cache

from autoglm_lite.grammar.gbnf import Grammar, parse
from autoglm_lite.grammar.growth import check_growth
from autoglm_lite.grammar.machine import Machine
from autoglm_lite.grammar.recursion import check_recursion


def check(gbnf: str) -> None:
    """Raises UsageError for all that llama.cpp would refuse, crash over or hang on; GBNF with a rule `root`."""
    checked(gbnf)


# Programs ask with the same grammar again and again.
@lru_cache(maxsize=16)
def checked(gbnf: str) -> Grammar:
    """The same, for who goes on with its rules."""
    grammar = parse(gbnf)
    check_recursion(grammar)
    check_growth(Machine(grammar))
    return grammar
