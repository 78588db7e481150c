"""The words of JSON schema: which say nothing, which hold for which type, and what their values must be."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any, NoReturn

from autoglm_lite.errors import UsageError

Schema = dict[str, Any]

TYPES = ("object", "array", "string", "integer", "number", "boolean", "null")
ANNOTATIONS = frozenset(
    [
        "title",
        "description",
        "default",
        "example",
        "examples",
        "deprecated",
        "readOnly",
        "writeOnly",
        "$schema",
        "$id",
        "id",
        "$comment",
        "$defs",
        "definitions",
        "$anchor",
        "$vocabulary",
        "contentEncoding",
        "contentMediaType",
        "contentSchema",
        "discriminator",
        "externalDocs",
        "xml",
        "markdownDescription",
        "propertyOrdering",
    ]
)
"""Say nothing about which values are right; neither do those that begin with x-."""
OF_TYPE: dict[str, frozenset[str]] = {
    "object": frozenset(
        [
            "properties",
            "required",
            "additionalProperties",
            "minProperties",
            "maxProperties",
            "propertyNames",
            "patternProperties",
            "unevaluatedProperties",
            "dependentRequired",
            "dependentSchemas",
            "dependencies",
        ]
    ),
    "array": frozenset(
        [
            "items",
            "prefixItems",
            "additionalItems",
            "minItems",
            "maxItems",
            "uniqueItems",
            "contains",
            "minContains",
            "maxContains",
            "unevaluatedItems",
        ]
    ),
    "string": frozenset(["minLength", "maxLength", "pattern"]),
    "number": frozenset(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
}
GENERAL = frozenset(["type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref", "format", "nullable"])
_ALL = GENERAL.union(*OF_TYPE.values())


def refuse(path: str, what: str) -> NoReturn:
    raise UsageError(f"The JSON schema cannot be followed: {path}: {what}.")


def is_annotation(keyword: str) -> bool:
    return keyword in ANNOTATIONS or keyword.startswith("x-")


def constraints(schema: Schema, path: str) -> Schema:
    """`schema` without what says nothing. Raises UsageError for keywords that we cannot enforce."""
    found = {keyword: value for keyword, value in schema.items() if not is_annotation(keyword)}
    for keyword, value in found.items():
        if keyword not in _ALL:
            refuse(path, f"{keyword} is not supported")
        if value is None and keyword != "const":
            refuse(path, f"{keyword} may not be null")
    if found.pop("nullable", False) is not False:
        refuse(path, 'nullable is not supported, write "type": [..., "null"]')
    return found


def types(schema: Schema, path: str) -> tuple[str, ...]:
    """Which types are allowed: those that are named, or the one whose keywords are there, or all."""
    named = schema.get("type")
    if named is None:
        for name in ("object", "array", "string", "number"):
            if any(keyword in schema for keyword in OF_TYPE[name]) or (name == "string" and "format" in schema):
                return (name,)
        return tuple(name for name in TYPES if name != "integer")
    found = [named] if isinstance(named, str) else named
    if not isinstance(found, list) or not found or not all(isinstance(name, str) and name in TYPES for name in found):
        refuse(path, f"type must be one or several of {', '.join(TYPES)}")
    return tuple(name for name in dict.fromkeys(found) if name != "integer" or "number" not in found)


def count(schema: Schema, keyword: str, path: str) -> int | None:
    """The value of a keyword that counts something."""
    value = schema.get(keyword)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        refuse(path, f"{keyword} must be a whole number of 0 or more")
    return value


def bounds(schema: Schema, low_name: str, high_name: str, path: str) -> tuple[int, int | None]:
    """Of how many items, characters or properties there may be."""
    low, high = count(schema, low_name, path) or 0, count(schema, high_name, path)
    if high is not None and high < low:
        refuse(path, f"{high_name} is less than {low_name}")
    return low, high


def number(schema: Schema, keyword: str, path: str) -> Decimal | None:
    value = schema.get(keyword)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        refuse(path, f"{keyword} must be a number")
    if abs(value) >= 10**30 or (value and abs(value) < 1e-12):
        refuse(path, f"{keyword} is too large or too small a number")
    return Decimal(repr(value))


def mapping(schema: Schema, keyword: str, path: str) -> Schema:
    value = schema.get(keyword, {})
    if not isinstance(value, dict):
        refuse(path, f"{keyword} must be an object")
    return value


def schemas(schema: Schema, keyword: str, path: str) -> list[Any]:
    value = schema[keyword]
    if not isinstance(value, list) or not value:
        refuse(path, f"{keyword} must be a list of schemas")
    return value


def names(schema: Schema, keyword: str, path: str) -> list[str]:
    value = schema.get(keyword, [])
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        refuse(path, f"{keyword} must be a list of names")
    return list(dict.fromkeys(value))
