"""What stands between a grammar and llama.cpp."""

from __future__ import annotations

from functools import lru_cache

from autoglm_lite.grammar.gbnf import Grammar, parse
from autoglm_lite.grammar.growth import check_growth
from autoglm_lite.grammar.machine import Machine
from autoglm_lite.grammar.recursion import check_recursion

LARGE = 8000
"""Characters, each of which may take more than a hundred bytes of rules."""


def check(gbnf: str) -> None:
    """Raises UsageError for all that llama.cpp would refuse, crash over or hang on; GBNF with a rule `root`."""
    checked(gbnf)


def checked(gbnf: str) -> Grammar:
    """The same, for who goes on with its rules."""
    return (_large if len(gbnf) > LARGE else _small)(gbnf)


def _checked(gbnf: str) -> Grammar:
    grammar = parse(gbnf)
    check_recursion(grammar)
    check_growth(Machine(grammar))
    return grammar


# Programs ask with the same grammar again and again.
_small = lru_cache(maxsize=16)(_checked)
_large = lru_cache(maxsize=2)(_checked)
