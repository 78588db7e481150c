"""Numbers and strings of JSON schemas as GBNF."""

from __future__ import annotations

import json
import math
from typing import Any

from autoglm_lite.grammar import formats, numbers, pattern, strings
from autoglm_lite.grammar.keywords import Schema, bounds, number, refuse
from autoglm_lite.grammar.rules import Rules

_INTEGERS = {f"{sign}int{bits}": (sign, bits) for sign in ("", "u") for bits in (8, 16, 32)}


def bounded_number(name: str, schema: Schema, path: str) -> str | None:
    """Numbers, or integers by `name`, between the bounds of `schema`; None when it has none."""
    step = number(schema, "multipleOf", path)
    if step is not None and not (name == "integer" and step == 1):
        refuse(path, "multipleOf is not supported")
    low = _bound(schema, ("minimum", "exclusiveMinimum"), path, lower=True)
    high = _bound(schema, ("maximum", "exclusiveMaximum"), path, lower=False)
    if name == "integer":
        found, bounded = _integers(low, high, schema.get("format"))
    else:
        for bound in (low, high):
            # With nine more digits behind the point a double would round to it.
            if bound is not None and bound.open and abs(bound.value) >= 10**6:
                refuse(path, "an exclusive bound of a million or more is not supported for numbers")
        bounded = low is not None or high is not None
        found = numbers.decimals(low, high) if bounded else None
    if bounded and found is None:
        refuse(path, "no number lies between the bounds")
    return found


def _bound(schema: Schema, keywords: tuple[str, str], path: str, *, lower: bool) -> numbers.Bound | None:
    found: numbers.Bound | None = None
    for keyword in keywords:
        value = number(schema, keyword, path)
        if value is not None and (found is None or (value >= found.value if lower else value <= found.value)):
            found = numbers.Bound(value, keyword.startswith("exclusive"))
    return found


def _integers(low: numbers.Bound | None, high: numbers.Bound | None, form: Any) -> tuple[str | None, bool]:
    """The numbers, and whether there are bounds at all."""
    lows = [] if low is None else [math.floor(low.value) + 1 if low.open else math.ceil(low.value)]
    highs = [] if high is None else [math.ceil(high.value) - 1 if high.open else math.floor(high.value)]
    if isinstance(form, str) and form in _INTEGERS:
        sign, bits = _INTEGERS[form]
        lows.append(0 if sign else -(1 << (bits - 1)))
        highs.append((1 << bits if sign else 1 << (bits - 1)) - 1)
    elif form == "uint64":
        lows.append(0)
    if not lows and not highs:
        return None, False
    return numbers.integers(max(lows) if lows else None, min(highs) if highs else None), True


def string_content(rules: Rules, schema: Schema, path: str) -> str:
    """What may stand between the quotes."""
    low, high = bounds(schema, "minLength", "maxLength", path)
    expression, form = schema.get("pattern"), schema.get("format")
    if expression is None and form is None:
        return any_of_length(rules, strings.CHAR, low, high, path)
    if expression is not None and form is not None:
        refuse(path, "pattern and format together are not supported")
    found = matching(rules, expression, path) if expression is not None else _formatted(rules, form, path)
    if found.shortest < low or (high is not None and (found.longest is None or found.longest > high)):
        refuse(path, "minLength and maxLength beside pattern or format must follow from it")
    return f"({found.expression})"


def any_of_length(rules: Rules, char: str, low: int, high: int | None, path: str) -> str:
    """Any text of so many of these characters."""
    if max(low, high or 0) > strings.MAX_LENGTH:
        refuse(path, f"lengths beyond {strings.MAX_LENGTH:,} are not supported")
    return strings.of_length(rules, rules.add(char), low, high)


def matching(rules: Rules, expression: Any, path: str) -> strings.Content:
    """Texts in which a regular expression is found."""
    if not isinstance(expression, str):
        refuse(path, "pattern must be a string")
    try:
        return pattern.content(rules, expression)
    except pattern.PatternError as error:
        refuse(path, f"the pattern cannot be used: {error}")


def _formatted(rules: Rules, form: Any, path: str) -> strings.Content:
    found = formats.content(rules, form) if isinstance(form, str) else None
    if found is None:
        refuse(path, f"the format {json.dumps(form)} is not supported")
    return found
