"""Arrays and objects of JSON schemas as GBNF."""

from __future__ import annotations

import json
from typing import Any, Protocol

from autoglm_lite.grammar import objects, strings
from autoglm_lite.grammar.keywords import OF_TYPE, Schema, bounds, is_annotation, mapping, names, refuse
from autoglm_lite.grammar.rules import Rules, choice
from autoglm_lite.grammar.scalars import any_of_length, matching

MAX_ITEMS = 2000


class Writer(Protocol):
    """Who writes the schemas that these are made of."""

    rules: Rules

    def inside(self, schema: Any, path: str) -> str:
        """The rule for the values of a schema within an array or an object."""

    def flat(self, schema: Any, path: str, through: tuple[str, ...] = ()) -> Schema:
        """A schema without $ref, allOf and annotations at its top."""


def array(writer: Writer, schema: Schema, path: str) -> str:
    """The rule for arrays that fit."""
    for keyword in OF_TYPE["array"] - {"items", "prefixItems", "additionalItems", "minItems", "maxItems"}:
        if schema.get(keyword, False) is not False:
            refuse(path, f"{keyword} is not supported")
    low, high = bounds(schema, "minItems", "maxItems", path)
    items, first, first_name = schema.get("items", True), schema.get("prefixItems", []), "prefixItems"
    if isinstance(items, list):  # as it was written until 2019
        if first:
            refuse(path, "items is a list, which prefixItems beside it has replaced")
        items, first, first_name = schema.get("additionalItems", True), items, "items"
    if not isinstance(first, list):
        refuse(path, "prefixItems must be a list of schemas")
    if max(low, high or 0) > MAX_ITEMS:
        refuse(path, f"more than {MAX_ITEMS:,} items are not supported")
    first = first[:high]
    rest_named = "additionalItems" in schema if first_name == "items" else "items" in schema
    if items is False and low > len(first):
        refuse(path, "minItems asks for more than may be there")
    known = [writer.inside(part, f"{path}.{first_name}[{index}]") for index, part in enumerate(first)]
    more = (rest_named or not first or low > len(first)) and items is not False
    low, high = max(low - len(first), 0), None if high is None else high - len(first)
    name = writer.inside(items, f"{path}.items") if more and high != 0 else None
    return objects.json_array(writer.rules, known, name, low, high)


def object_(writer: Writer, schema: Schema, path: str) -> str:
    """The rule for objects that fit."""
    for keyword in ("dependentRequired", "dependentSchemas", "dependencies"):
        if keyword in schema:
            refuse(path, f"{keyword} is not supported")
    if schema.get("unevaluatedProperties", False) is not False:
        refuse(path, "unevaluatedProperties is only supported with false")
    known, required = mapping(schema, "properties", path), names(schema, "required", path)
    low, high = bounds(schema, "minProperties", "maxProperties", path)
    rest = schema.get("additionalProperties", True)
    missing = [name for name in required if name not in known]
    if missing and (rest is False or "patternProperties" in schema or "propertyNames" in schema):
        refuse(path, f"{missing[0]} is required but is none of its properties")
    known = {**known, **dict.fromkeys(missing, rest)}
    absent = {name for name, value in known.items() if value is False}
    if absent & set(required):
        refuse(path, f"{min(absent & set(required))} is required, but false allows no value")
    properties = [
        objects.Property(name, writer.inside(value, f"{path}.properties.{name}"), name in required)
        for name, value in known.items()
        if value is not False
    ]
    others = _others(writer, schema, known, path)
    if properties:
        if low > max(len(required), 1) or (high is not None and (others or high < len(properties))):
            refuse(path, "minProperties and maxProperties are not supported beside properties")
    elif low > 1 or (low and others is None):
        # The same key may come twice.
        refuse(path, "minProperties beyond 1 is not supported")
    elif others is not None:
        if (high or 0) > MAX_ITEMS:
            refuse(path, f"more than {MAX_ITEMS:,} properties are not supported")
        others = None if high == 0 else objects.Others(others.member, low, high)
    return objects.json_object(writer.rules, properties, others, low > 0)


def _others(writer: Writer, schema: Schema, known: Schema, path: str) -> objects.Others | None:
    """Properties without names of their own: where there are others only if the schema speaks of them."""
    patterns, key_schema = mapping(schema, "patternProperties", path), schema.get("propertyNames", True)
    rest = schema.get("additionalProperties", True)
    if patterns:
        if known or len(patterns) > 1 or key_schema is not True:
            refuse(path, "patternProperties is only supported alone and with one pattern")
        ((expression, value),) = patterns.items()
        key = f'({matching(writer.rules, expression, path).expression}) "\\""'
    elif rest is False or (known and (rest is True or set(rest) <= set(filter(is_annotation, rest)))):
        return None
    elif key_schema is not True:
        if known:
            refuse(path, "propertyNames beside properties is not supported")
        value, key = rest, _key(writer, key_schema, f"{path}.propertyNames")
    else:
        value, key = rest, strings.other_key(writer.rules, list(known))
    name = writer.inside(value, f"{path}.additionalProperties")
    return objects.Others(objects.member(writer.rules, writer.rules.add(key), name), 0, None)


def _key(writer: Writer, schema: Any, path: str) -> str:
    """Of a property, with its closing quote."""
    held = writer.flat(schema, path)
    if "enum" in held or "const" in held:
        texts = [held["const"]] if "const" in held else held["enum"]
        if not isinstance(texts, list) or not texts or set(held) - {"enum", "const", "type"}:
            refuse(path, "only enum, const, pattern, format, minLength and maxLength are supported here")
        return choice([json.dumps(text, ensure_ascii=False)[1:] for text in texts if isinstance(text, str)])
    if set(held) <= {"type", "minLength", "maxLength"}:
        low, high = bounds(held, "minLength", "maxLength", path)
        return f'{any_of_length(writer.rules, strings.KEY_CHAR, low, high, path)} "\\""'
    if not set(held) <= {"pattern", "type"}:
        refuse(path, "only enum, const, pattern, minLength and maxLength are supported here")
    return f'({matching(writer.rules, held["pattern"], path).expression}) "\\""'
