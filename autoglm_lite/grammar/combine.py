"""Two JSON schemas that hold at once made into one, and whether two ever hold at once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from autoglm_lite.grammar.keywords import Schema, mapping, names, refuse, types

_LARGEST = ("minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum")
_SMALLEST = ("maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum")


def merge(first: Schema, second: Schema, path: str) -> Schema:
    """A schema for what both allow, or for a part of it. Raises UsageError where we cannot say it in one."""
    merged = dict(first)
    for keyword, value in second.items():
        if keyword not in merged or merged[keyword] == value:
            merged[keyword] = value
        elif keyword == "type":
            merged[keyword] = _common_types(first, second, path)
        elif keyword == "properties":
            merged[keyword] = _properties(mapping(first, keyword, path), mapping(second, keyword, path))
        elif keyword == "required":
            merged[keyword] = list(dict.fromkeys(names(first, keyword, path) + names(second, keyword, path)))
        elif keyword == "enum":
            merged[keyword] = _common_values(first[keyword], value, path)
        elif keyword in _LARGEST + _SMALLEST:
            if not all(isinstance(bound, int | float) for bound in (merged[keyword], value)):
                refuse(path, f"{keyword} must be a number")
            merged[keyword] = (max if keyword in _LARGEST else min)(merged[keyword], value)
        elif keyword in ("items", "additionalProperties") and isinstance(value, dict | bool):
            merged[keyword] = both(merged[keyword], value)
        else:
            refuse(path, f"two different values of {keyword} hold at once, which is not supported")
    _check_closed(first, second, merged, path)
    _check_closed(second, first, merged, path)
    return merged


def both(first: Any, second: Any) -> Any:
    """A schema for what two allow."""
    if first == second or second is True:
        return first
    if first is True:
        return second
    return False if first is False or second is False else {"allOf": [first, second]}


def _check_closed(one: Schema, other: Schema, merged: Schema, path: str) -> None:
    """What allows no other properties than its own, or gives them a schema, means those of the other one too."""
    more = one.get("additionalProperties", True)
    if more is True:
        return
    own = mapping(one, "properties", path)
    foreign = [name for name in mapping(other, "properties", path) if name not in own]
    if foreign:
        refuse(path, f"additionalProperties of one part of it also means {foreign[0]} of another: list them together")


def _properties(first: Schema, second: Schema) -> Schema:
    return {name: both(first.get(name, True), second.get(name, True)) for name in {**first, **second}}


def _common_types(first: Schema, second: Schema, path: str) -> list[str]:
    mine, theirs = types(first, path), types(second, path)
    found = [name for name in mine if name in theirs]
    if "integer" not in found and ("integer" in mine or "integer" in theirs) and "number" in (*mine, *theirs):
        found.append("integer")
    if not found:
        refuse(path, "no type fits all that must hold here")
    return found


def _common_values(first: Any, second: Any, path: str) -> list[Any]:
    if not isinstance(first, list) or not isinstance(second, list):
        refuse(path, "enum must be a list of values")
    keys = {value_key(value) for value in second}
    found = [value for value in first if value_key(value) in keys]
    if not found:
        refuse(path, "no value of enum fits all that must hold here")
    return found


def value_key(value: Any) -> str:
    """The same for JSON values that are equal, among them 1 and 1.0."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, list):
        return "[" + ",".join(value_key(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{value_key(value[key])}" for key in sorted(value)) + "}"
    return json.dumps(value)


def type_of(value: Any) -> str:
    """Of a JSON value; number stands for both kinds."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"


def fits_type(value: Any, allowed: Iterable[str]) -> bool:
    kind = type_of(value)
    whole = kind == "number" and (isinstance(value, int) or value.is_integer())
    return kind in allowed or (whole and "integer" in allowed)


def never_both(first: Schema, second: Schema, path: str) -> bool:
    """Whether it is plain that no value fits both; they have no references left at the top."""
    values = [_values(schema) for schema in (first, second)]
    if values[0] is not None and values[1] is not None:
        return not {value_key(value) for value in values[0]} & {value_key(value) for value in values[1]}
    kinds = [
        {type_of(value) for value in allowed}
        if allowed is not None
        else {"number" if name == "integer" else name for name in types(schema, path)}
        if "type" in schema
        else None
        for schema, allowed in zip((first, second), values, strict=True)
    ]
    if kinds[0] is None or kinds[1] is None:
        return False
    common = kinds[0] & kinds[1]
    return not common or (common == {"object"} and _told_apart(first, second, path))


def _told_apart(first: Schema, second: Schema, path: str) -> bool:
    """By a property that both must have, and whose values differ."""
    required = set(names(first, "required", path)) & set(names(second, "required", path))
    for name in required:
        properties = [mapping(schema, "properties", path).get(name) for schema in (first, second)]
        values = [_values(schema) if isinstance(schema, dict) else None for schema in properties]
        if values[0] is not None and values[1] is not None:
            keys = [{value_key(value) for value in allowed} for allowed in values if allowed is not None]
            if not keys[0] & keys[1]:
                return True
    return False


def _values(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    enum = schema.get("enum")
    return enum if isinstance(enum, list) else None
