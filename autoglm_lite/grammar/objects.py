"""Objects and arrays of JSON as GBNF, from the rules of what they hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from autoglm_lite.grammar.rules import Rules, literal, repeated
from autoglm_lite.grammar.strings import CHAR

# Bounded, so that no model writes white space for ever.
SPACE = '(" " | "\\n" " "{0,20})?'


@dataclass(frozen=True, slots=True)
class Property:
    name: str
    value: str
    """The rule of its value."""
    required: bool


@dataclass(frozen=True, slots=True)
class Others:
    """Properties that have no names of their own, behind those that do."""

    member: str
    """The rule of a key, without its opening quote, and of its value."""
    low: int
    high: int | None


def space(rules: Rules) -> str:
    return rules.add(SPACE)


def colon(rules: Rules) -> str:
    return rules.add('":" " "?')


def member(rules: Rules, key: str, value: str) -> str:
    """`key` with its closing quote, and the value."""
    return rules.add(f"{key} {colon(rules)} {value}")


def string(rules: Rules, content: str) -> str:
    return rules.add(f'"\\"" {content} "\\""')


def any_string(rules: Rules) -> str:
    return string(rules, f"{rules.add(CHAR)}*")


def json_object(rules: Rules, properties: Sequence[Property], others: Others | None, at_least_one: bool) -> str:
    """In this order; those that are not required may be left out."""
    gap = space(rules)
    start, separator = '"\\""', f'"," {gap} "\\""'
    # Behind the last property, then step by step from the back: `choice` is what may be written from here on without
    # the opening quote, `after` the same behind a property, `must` whether something has to come.
    choice, after, must = "", "", False
    if others is not None:
        further = rules.add(f"{separator} {others.member}")
        high = None if others.high is None else others.high - 1
        tail = repeated(further, max(others.low - 1, 0), high)
        choice = rules.add(f"{others.member} {tail}")
        must = others.low > 0
        after = rules.add(f"{separator} {choice}")
        after = after if must else f"({after})?"
    for item in reversed(properties):
        key = literal(json.dumps(item.name, ensure_ascii=False)[1:])
        this = f"{member(rules, key, item.value)} {after}".rstrip()
        must = item.required or must
        choice = rules.add(this if item.required or not choice else f"{this} | {choice}")
        after = rules.add(f"{separator} {choice}")
        after = after if must else f"({after})?"
    if not choice:
        return rules.add(f'"{{" {gap} "}}"')
    content = f"{start} {choice} {gap}"
    return rules.add(f'"{{" {gap} {content if must or at_least_one else f"({content})?"} "}}"')


def json_array(rules: Rules, first: Sequence[str], item: str | None, low: int, high: int | None) -> str:
    """`first` in their order, then from `low` to `high` of `item`."""
    gap = space(rules)
    parts = [f'"," {gap} {name}' if index else name for index, name in enumerate(first)]
    optional = not first and low == 0
    if item is not None and high != 0:
        further = rules.add(f'"," {gap} {item}')
        if first:
            parts.append(repeated(further, low, high))
        else:
            parts += [item, repeated(further, max(low - 1, 0), None if high is None else high - 1)]
    if not parts:
        return rules.add(f'"[" {gap} "]"')
    content = f"{' '.join(parts)} {gap}"
    return rules.add(f'"[" {gap} {f"({content})?" if optional else content} "]"')
