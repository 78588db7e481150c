"""JSON schema to GBNF: what the grammar lets through always fits the schema, or the schema is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from autoglm_lite.errors import UsageError
from autoglm_lite.grammar import combine, formats, numbers, objects, pattern, strings
from autoglm_lite.grammar.check import checked
from autoglm_lite.grammar.keywords import (
    OF_TYPE,
    Schema,
    bounds,
    constraints,
    is_annotation,
    mapping,
    names,
    number,
    refuse,
    schemas,
    types,
)
from autoglm_lite.grammar.recursion import finite_rules
from autoglm_lite.grammar.rules import Rules, choice, one_of

MAX_DEPTH = 64
MAX_NODES = 20_000
MAX_ITEMS = 2000
MAX_STEPS = 20_000
"""Schemas looked at; one that is referred to counts again where it is merged with others."""


def from_schema(schema: object) -> str:
    """GBNF for JSON that fits a decoded JSON schema, which llama.cpp can follow.

    Raises UsageError, with the place in the schema, for what cannot be enforced.
    """
    _check_value(schema)
    writer = _Writer(schema)
    return _finished(writer.rules, writer.reference("#", "$"))


def json_object() -> str:
    """GBNF for any JSON object."""
    writer = _Writer(True)
    return _finished(writer.rules, writer.any_of_type("object"))


def _finished(rules: Rules, root: str) -> str:
    gbnf = rules.text(root)
    try:
        grammar = checked(gbnf)
    except UsageError as error:
        raise UsageError(
            "The JSON schema is too large or leaves too much open at once: make it smaller, and give what is listed "
            "in anyOf properties that tell its parts apart from the beginning."
        ) from error
    if not finite_rules(grammar.rules)[grammar.root]:
        raise UsageError("The JSON schema cannot be followed: a value that fits it would contain itself without end.")
    return gbnf


def _check_value(schema: object) -> None:
    """Whether it is a JSON value, not too deep and not too large."""
    todo: list[tuple[Any, int]] = [(schema, 0)]
    n_nodes = 0
    while todo:
        value, depth = todo.pop()
        n_nodes += 1
        if depth > MAX_DEPTH:
            raise UsageError(f"The JSON schema is nested deeper than {MAX_DEPTH} levels.")
        if n_nodes > MAX_NODES:
            raise UsageError(f"The JSON schema has more than {MAX_NODES:,} parts: make it smaller.")
        if isinstance(value, dict):
            if not all(isinstance(key, str) for key in value):
                raise UsageError("The JSON schema has a key that is no string.")
            todo += [(item, depth + 1) for item in (*value, *value.values())]
        elif isinstance(value, list):
            todo += [(item, depth + 1) for item in value]
        elif isinstance(value, str):
            if any("\ud800" <= char <= "\udfff" for char in value):
                raise UsageError("The JSON schema has half a character in a string: write both surrogates.")
        elif isinstance(value, float):
            if not math.isfinite(value):
                raise UsageError("The JSON schema has a number that is not finite.")
        elif isinstance(value, int) and not isinstance(value, bool):
            if abs(value) >= 10**1000:
                raise UsageError("The JSON schema has a number of more than a thousand digits.")
        elif value is not None and not isinstance(value, bool):
            raise UsageError(f"The JSON schema has a value of type {type(value).__name__}, which is not JSON.")


class _Writer:
    def __init__(self, document: Any) -> None:
        self.document = document
        self.rules = Rules()
        self.steps = 0
        self.references: dict[str, str] = {}
        self.merged: dict[str, str] = {}
        self.types: dict[str, str] = {}
        # What is being written, with no character of it before what is written now.
        self.open: set[str] = set()

    def schema(self, schema: Any, path: str) -> str:
        """The name of the rule for its values."""
        self.step(path)
        if schema is True:
            return self.any()
        if schema is False:
            refuse(path, "false allows no value")
        if not isinstance(schema, dict):
            refuse(path, "a schema must be an object, true or false")
        held = constraints(schema, path)
        pointer = held.get("$ref")
        parts = held.get("allOf")
        if pointer is not None and len(held) == 1:
            return self.reference(pointer, path)
        if isinstance(parts, list) and len(parts) == 1 and len(held) == 1:
            return self.schema(parts[0], f"{path}.allOf[0]")
        if pointer is None and parts is None:
            return self.plain(held, path)
        flat = self.flat(schema, path, ())
        return self.once(flat, path)

    def step(self, path: str) -> None:
        self.steps += 1
        if self.steps > MAX_STEPS:
            refuse(path, "all its parts together come to more than we can follow: make it smaller")

    def once(self, schema: Schema, path: str) -> str:
        """A schema that was put together, which may contain itself."""
        key = json.dumps(schema, sort_keys=True)
        if key in self.open:
            refuse(path, "it refers to itself without end")
        name = self.merged.get(key)
        if name is None:
            name = self.merged[key] = self.rules.reserve()
            self.open.add(key)
            self.rules.define(name, self.plain(schema, path))
            self.open.discard(key)
        return name

    def reference(self, pointer: Any, path: str) -> str:
        target = self.target(pointer, path)
        if pointer in self.open:
            refuse(path, f"{pointer} refers to itself without end")
        name = self.references.get(pointer)
        if name is None:
            name = self.references[pointer] = self.rules.reserve()
            self.open.add(pointer)
            place = "$" + pointer[1:].replace("/", ".")
            self.rules.define(name, self.schema(target, place))
            self.open.discard(pointer)
        return name

    def target(self, pointer: Any, path: str) -> Any:
        if not isinstance(pointer, str) or not (pointer == "#" or pointer.startswith("#/")):
            refuse(path, f"$ref {json.dumps(pointer)} is not supported: only #/... within the schema is")
        value = self.document
        for step in pointer.split("/")[1:]:
            key = unquote(step).replace("~1", "/").replace("~0", "~")
            if isinstance(value, dict) and key in value:
                value = value[key]
            elif isinstance(value, list) and key.isdecimal() and len(key) < 6 and int(key) < len(value):
                value = value[int(key)]
            else:
                refuse(path, f"$ref {json.dumps(pointer)} leads nowhere")
        return value

    def flat(self, schema: Any, path: str, through: tuple[str, ...]) -> Schema:
        """Without $ref and allOf at the top."""
        self.step(path)
        if schema is True:
            return {}
        if not isinstance(schema, dict):
            refuse(path, "a schema that others are joined with must be an object")
        held = constraints(schema, path)
        pointer, parts = held.pop("$ref", None), None
        if "allOf" in held:
            parts = schemas(held, "allOf", path)
            del held["allOf"]
        if pointer is not None:
            if pointer in through:
                refuse(path, f"{pointer} refers to itself without end")
            held = combine.merge(self.flat(self.target(pointer, path), path, (*through, pointer)), held, path)
        for part in parts or []:
            held = combine.merge(held, self.flat(part, path, through), path)
        return held

    def plain(self, schema: Schema, path: str) -> str:
        """For a schema without $ref, allOf and annotations."""
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                return self.alternatives(schema, keyword, path)
        if "const" in schema or "enum" in schema:
            return self.values(schema, path)
        named = types(schema, path)
        return self.rules.add(one_of([self.of_type(name, schema, path) for name in named]))

    def alternatives(self, schema: Schema, keyword: str, path: str) -> str:
        branches = schemas(schema, keyword, path)
        rest = {key: value for key, value in schema.items() if key != keyword}
        if keyword == "oneOf" and len(branches) > 1:
            self.check_exclusive(branches, path)
        found = []
        for index, branch in enumerate(branches):
            place = f"{path}.{keyword}[{index}]"
            if branch is False:
                continue
            if rest:
                found.append(self.once(combine.merge(rest, self.flat(branch, place, ()), place), place))
            else:
                found.append(self.schema(branch, place))
        if not found:
            refuse(path, f"{keyword} allows no value")
        return self.rules.add(one_of(found))

    def check_exclusive(self, branches: Sequence[Any], path: str) -> None:
        """oneOf forbids what fits two of its parts, which a grammar cannot."""
        flat = [self.flat(branch, f"{path}.oneOf[{index}]", ()) for index, branch in enumerate(branches)]
        for second in range(len(flat)):
            for first in range(second):
                self.step(path)
                if not combine.never_both(flat[first], flat[second], path):
                    refuse(
                        path,
                        f"a value may fit both oneOf[{first}] and oneOf[{second}]: write anyOf, "
                        "or give them a required property with different const values",
                    )

    def values(self, schema: Schema, path: str) -> str:
        values = [schema["const"]] if "const" in schema else schema["enum"]
        if not isinstance(values, list) or not values:
            refuse(path, "enum must be a list of values")
        if "const" in schema and "enum" in schema:
            keys = {combine.value_key(value) for value in schema["enum"]} if isinstance(schema["enum"], list) else set()
            values = [value for value in values if combine.value_key(value) in keys]
        others = [keyword for keyword in schema if keyword not in ("const", "enum", "type")]
        if others:
            refuse(path, f"{others[0]} beside enum or const is not supported: leave out the values that do not fit")
        if "type" in schema:
            allowed = types(schema, path)
            values = [value for value in values if combine.fits_type(value, allowed)]
        if not values:
            refuse(path, "none of the values fits the type")
        return self.rules.add(choice([json.dumps(value, ensure_ascii=False) for value in values]))

    def of_type(self, name: str, schema: Schema, path: str) -> str:
        if name in ("boolean", "null"):
            return self.any_of_type(name)
        if name in ("integer", "number"):
            return self.number(name, schema, path)
        return {"object": self.object, "array": self.array, "string": self.string}[name](schema, path)

    def any(self) -> str:
        return self.rules.add(
            one_of([self.any_of_type(name) for name in ("object", "array", "string", "number", "boolean", "null")])
        )

    def any_of_type(self, name: str) -> str:
        """Any JSON of a type."""
        found = self.types.get(name)
        if found is not None:
            return found
        rules = self.rules
        if name in ("object", "array"):
            # It contains itself.
            found = self.types[name] = rules.reserve()
            if name == "object":
                key = rules.add(f'{rules.add(strings.CHAR)}* "\\""')
                member = objects.member(rules, key, self.any())
                rules.define(found, objects.json_object(rules, [], objects.Others(member, 0, None), False))
            else:
                rules.define(found, objects.json_array(rules, [], self.any(), 0, None))
            return found
        body = {
            "string": objects.any_string(rules),
            "number": numbers.NUMBER,
            "integer": numbers.INTEGER,
            "boolean": '"true" | "false"',
            "null": '"null"',
        }[name]
        found = self.types[name] = rules.add(body)
        return found

    def inside(self, schema: Any, path: str) -> str:
        """What stands within an object or an array, where a schema may well refer to itself."""
        outer, self.open = self.open, set()
        name = self.schema(schema, path)
        self.open = outer
        return name

    def number(self, name: str, schema: Schema, path: str) -> str:
        step = number(schema, "multipleOf", path)
        if step is not None and not (name == "integer" and step == 1):
            refuse(path, "multipleOf is not supported")
        low, high = None, None
        for keyword, is_open in (("minimum", False), ("exclusiveMinimum", True)):
            value = number(schema, keyword, path)
            if value is not None and (low is None or value >= low.value):
                low = numbers.Bound(value, is_open)
        for keyword, is_open in (("maximum", False), ("exclusiveMaximum", True)):
            value = number(schema, keyword, path)
            if value is not None and (high is None or value <= high.value):
                high = numbers.Bound(value, is_open)
        found: str | None
        if name == "integer":
            low_whole = None if low is None else math.floor(low.value) + 1 if low.open else math.ceil(low.value)
            high_whole = None if high is None else math.ceil(high.value) - 1 if high.open else math.floor(high.value)
            if schema.get("format") in ("int32", "uint32", "uint8", "int8", "int16", "uint16"):
                bits = int(schema["format"].lstrip("uint"))
                smallest, largest = (
                    (0, 2**bits - 1) if schema["format"][0] == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
                )
                low_whole = smallest if low_whole is None else max(low_whole, smallest)
                high_whole = largest if high_whole is None else min(high_whole, largest)
            elif schema.get("format") == "uint64":
                low_whole = max(low_whole or 0, 0)
            if low_whole is None and high_whole is None:
                return self.any_of_type(name)
            found = numbers.integers(low_whole, high_whole)
        else:
            if low is None and high is None:
                return self.any_of_type(name)
            for bound in (low, high):
                if bound is not None and bound.open and abs(bound.value) >= 10**6:
                    refuse(path, "an exclusive bound of a million or more is not supported for numbers")
            found = numbers.decimals(low, high)
        if found is None:
            refuse(path, "no number lies between the bounds")
        return self.rules.add(found)

    def string(self, schema: Schema, path: str) -> str:
        low, high = bounds(schema, "minLength", "maxLength", path)
        expression, form = schema.get("pattern"), schema.get("format")
        if expression is None and form is None:
            if (low, high) == (0, None):
                return self.any_of_type("string")
            if max(low, high or 0) > strings.MAX_LENGTH:
                refuse(path, f"lengths beyond {strings.MAX_LENGTH:,} are not supported")
            char = self.rules.add(strings.CHAR)
            return objects.string(self.rules, strings.of_length(self.rules, char, low, high))
        if expression is not None and form is not None:
            refuse(path, "pattern and format together are not supported")
        found = self.pattern(expression, path) if expression is not None else self.format(form, path)
        if found.shortest < low or (high is not None and (found.longest is None or found.longest > high)):
            refuse(
                path, "minLength and maxLength beside pattern or format are only supported where they follow from it"
            )
        return objects.string(self.rules, f"({found.expression})")

    def pattern(self, expression: Any, path: str) -> strings.Content:
        if not isinstance(expression, str):
            refuse(path, "pattern must be a string")
        try:
            return pattern.content(self.rules, expression)
        except pattern.PatternError as error:
            refuse(path, f"the pattern cannot be used: {error}")

    def format(self, form: Any, path: str) -> strings.Content:
        found = formats.content(self.rules, form) if isinstance(form, str) else None
        if found is None:
            refuse(path, f"the format {json.dumps(form)} is not supported")
        return found

    def array(self, schema: Schema, path: str) -> str:
        for keyword in OF_TYPE["array"] - {"items", "prefixItems", "additionalItems", "minItems", "maxItems"}:
            if schema.get(keyword, False) is not False:
                refuse(path, f"{keyword} is not supported")
        low, high = bounds(schema, "minItems", "maxItems", path)
        items, first, first_name = schema.get("items", True), schema.get("prefixItems", []), "prefixItems"
        if isinstance(items, list):  # as it was written until 2019
            items, first, first_name = schema.get("additionalItems", True), items, "items"
        if not isinstance(first, list):
            refuse(path, "prefixItems must be a list of schemas")
        if max(low, high or 0) > MAX_ITEMS:
            refuse(path, f"more than {MAX_ITEMS:,} items are not supported")
        first = first[:high]
        rest_named = "additionalItems" in schema if first_name == "items" else "items" in schema
        if items is False and low > len(first):
            refuse(path, "minItems asks for more than may be there")
        known = [self.inside(part, f"{path}.{first_name}[{index}]") for index, part in enumerate(first)]
        more = (rest_named or not first or low > len(first)) and items is not False
        low, high = max(low - len(first), 0), None if high is None else high - len(first)
        name = self.inside(items, f"{path}.items") if more and high != 0 else None
        return objects.json_array(self.rules, known, name, low, high)

    def object(self, schema: Schema, path: str) -> str:
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
            objects.Property(name, self.inside(value, f"{path}.properties.{name}"), name in required)
            for name, value in known.items()
            if value is not False
        ]
        others = self.others(schema, known, path)
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
        return objects.json_object(self.rules, properties, others, low > 0)

    def others(self, schema: Schema, known: Schema, path: str) -> objects.Others | None:
        """Properties without names of their own: where there are others only if the schema speaks of them."""
        patterns, key_schema = mapping(schema, "patternProperties", path), schema.get("propertyNames", True)
        rest = schema.get("additionalProperties", True)
        if patterns:
            if known or len(patterns) > 1 or key_schema is not True:
                refuse(path, "patternProperties is only supported alone and with one pattern")
            ((expression, value),) = patterns.items()
            key = f'({self.pattern(expression, path).expression}) "\\""'
        elif rest is False or (known and (rest is True or set(rest) <= set(filter(is_annotation, rest)))):
            return None
        elif key_schema is not True:
            if known:
                refuse(path, "propertyNames beside properties is not supported")
            value, key = rest, self.key(key_schema, f"{path}.propertyNames")
        else:
            value, key = rest, strings.other_key(self.rules, list(known))
        name = self.inside(value, f"{path}.additionalProperties")
        return objects.Others(objects.member(self.rules, self.rules.add(key), name), 0, None)

    def key(self, schema: Any, path: str) -> str:
        """Of a property, with its closing quote."""
        held = self.flat(schema, path, ())
        if "enum" in held or "const" in held:
            texts = [held["const"]] if "const" in held else held["enum"]
            if not isinstance(texts, list) or not texts or set(held) - {"enum", "const", "type"}:
                refuse(path, "only enum, const, pattern, format, minLength and maxLength are supported here")
            return choice([json.dumps(text, ensure_ascii=False)[1:] for text in texts if isinstance(text, str)])
        low, high = bounds(held, "minLength", "maxLength", path)
        if set(held) <= {"type", "minLength", "maxLength"}:
            if max(low, high or 0) > strings.MAX_LENGTH:
                refuse(path, f"lengths beyond {strings.MAX_LENGTH:,} are not supported")
            return strings.of_length(self.rules, self.rules.add(strings.KEY_CHAR), low, high) + ' "\\""'
        if set(held) == {"pattern"} or set(held) == {"pattern", "type"}:
            return f'({self.pattern(held["pattern"], path).expression}) "\\""'
        refuse(path, "only enum, const, pattern, minLength and maxLength are supported here")
