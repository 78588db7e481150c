"""Writes the rules for a JSON schema: references, combinations, values; what they hold is written elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from autoglm_lite.grammar import combine, numbers, objects, strings
from autoglm_lite.grammar.containers import array, object_
from autoglm_lite.grammar.document import MAX_DEPTH, target
from autoglm_lite.grammar.keywords import Schema, constraints, refuse, schemas, types
from autoglm_lite.grammar.rules import Rules, choice, one_of
from autoglm_lite.grammar.scalars import bounded_number, string_content

MAX_STEPS = 20_000
"""Schemas looked at; one that is referred to counts again where it is merged with others."""


class SchemaWriter:
    """Makes the rules of one schema document."""

    def __init__(self, document: Any, beside: SchemaWriter | None = None) -> None:
        """`beside`: the writer of another document, whose rules these are added to."""
        self.document = document
        self.rules: Rules = Rules() if beside is None else beside.rules
        self.steps = 0
        self.depth = 0
        self.references: dict[str, str] = {}
        self.merged: dict[str, str] = {}
        self.types: dict[str, str] = {} if beside is None else beside.types
        # What is being written, with no character of it before what is written now.
        self.open: set[str] = set()

    def schema(self, schema: Any, path: str) -> str:
        """The name of the rule for its values."""
        with self.deeper(path):
            return self.rule(schema, path)

    def rule(self, schema: Any, path: str) -> str:
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
        flat = self.flat(schema, path)
        return self.once(flat, path)

    @contextmanager
    def deeper(self, path: str) -> Iterator[None]:
        self.step(path)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            refuse(path, f"with what it refers to it is nested deeper than {MAX_DEPTH} levels")
        yield
        self.depth -= 1

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
        found = target(self.document, pointer, path)
        if pointer in self.open:
            refuse(path, f"{pointer} refers to itself without end")
        name = self.references.get(pointer)
        if name is None:
            name = self.references[pointer] = self.rules.reserve()
            self.open.add(pointer)
            place = "$" + pointer[1:].replace("/", ".")
            self.rules.define(name, self.schema(found, place))
            self.open.discard(pointer)
        return name

    def flat(self, schema: Any, path: str, through: tuple[str, ...] = ()) -> Schema:
        """Without $ref, allOf and annotations at the top."""
        with self.deeper(path):
            return self.flattened(schema, path, through)

    def flattened(self, schema: Any, path: str, through: tuple[str, ...]) -> Schema:
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
            held = combine.merge(self.flat(target(self.document, pointer, path), path, (*through, pointer)), held, path)
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
                found.append(self.once(combine.merge(rest, self.flat(branch, place), place), place))
            else:
                found.append(self.schema(branch, place))
        if not found:
            refuse(path, f"{keyword} allows no value")
        return self.rules.add(one_of(found))

    def check_exclusive(self, branches: Sequence[Any], path: str) -> None:
        """oneOf forbids what fits two of its parts, which a grammar cannot."""
        flat = [self.flat(branch, f"{path}.oneOf[{index}]") for index, branch in enumerate(branches)]
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
            content = bounded_number(name, schema, path)
            return self.any_of_type(name) if content is None else self.rules.add(content)
        if name == "string":
            return objects.string(self.rules, string_content(self.rules, schema, path))
        return (object_ if name == "object" else array)(self, schema, path)

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
