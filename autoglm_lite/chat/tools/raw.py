"""Grammar of values that stand between tags as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autoglm_lite.chat.tools.enforced import CallRules
from autoglm_lite.grammar.chars import union, without
from autoglm_lite.grammar.rules import char_class, literal

CHARS = ((0, 0xD7FF), (0xE000, 0x10FFFF))


def without_mark(rules: CallRules, mark: str) -> str:
    """Any text up to the first `mark`, with that: the automaton of Knuth, Morris and Pratt, a rule for each state."""
    if mark in rules.ends:
        return rules.ends[mark]
    names = [rules.plain.rules.reserve() for _ in mark]
    for state, name in enumerate(names):
        targets = {mark[state]: state + 1}
        for char in dict.fromkeys(mark):
            if char not in targets and (target := _fallen(mark, mark[:state] + char)):
                targets[char] = target
        others = without(CHARS, union((ord(char), ord(char)) for char in targets))
        parts = [f"{char_class(others)} {names[0]}"]
        for char, target in targets.items():
            parts.append(f"{literal(char)} {names[target]}" if target < len(mark) else literal(char))
        rules.plain.rules.define(name, " | ".join(parts))
    rules.ends[mark] = names[0]
    return names[0]


def _fallen(mark: str, text: str) -> int:
    """How much of the end of `text` is a beginning of `mark`."""
    return next((n for n in range(min(len(text), len(mark)), 0, -1) if mark.startswith(text[-n:])), 0)


def values_of(part: Any) -> list[str] | None:
    """The texts that a string must be one of; None where it is not held to some, or is no string alone."""
    if not isinstance(part, Mapping):
        return None
    values = [part["const"]] if "const" in part else part.get("enum")
    if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
        return None
    return list(dict.fromkeys(values))
