"""JSON schemas: what the grammar lets through fits the schema, and what cannot be enforced is refused."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoglm_lite.errors import UsageError
from autoglm_lite.grammar import from_schema, json_object
from tests.grammar.schemas import random_schema
from tests.grammar.texts import matches, written

PERSON = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Person",
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "their name", "minLength": 1, "maxLength": 20},
        "age": {"type": "integer", "minimum": 0, "exclusiveMaximum": 150},
        "tags": {"type": "array", "items": {"enum": ["new", "newer", "old"]}, "maxItems": 2, "default": []},
        "friend": {"$ref": "#"},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}
CAT = {"type": "object", "properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}}, "required": ["kind"]}
DOG = {"type": "object", "properties": {"kind": {"const": "dog"}, "barks": {"type": "boolean"}}, "required": ["kind"]}
TREE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {"v": {"type": "number"}, "left": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
            "required": ["v", "left"],
        }
    },
    "$ref": "#/$defs/node",
}

FOLLOWED: dict[str, tuple[Any, list[str], list[str]]] = {
    "a person": (
        PERSON,
        [
            '{"name": "Ann", "age": 149}',
            '{"name":"你好","age":0,"tags":["new", "old"],"friend":{"name":"x","age":1}}',
            '{\n    "name": "A\\"b\\n",\n    "age": 7,\n    "tags": []\n}',
        ],
        [
            '{"name": "", "age": 1}',
            '{"name": "Ann", "age": 150}',
            '{"age": 1, "name": "Ann"}',
            '{"name": "Ann", "age": 1,}',
            '{"name": "Ann", "age": 1, "tags": ["new", "new", "new"]}',
            '{"name": "Ann", "age": 1, "more": 1}',
            '{"name": "Ann"}',
            '{"name": "Ann", "age": 1} ',
            '{"name": "' + "x" * 21 + '", "age": 1}',
            "{" + " " * 30 + '"name": "Ann", "age": 1}',
        ],
    ),
    "anything": ({}, ["1", '"a"', "null", '{"a": [true, {}]}', "[]"], ["", "nul", "{1}"]),
    "true": (True, ["[1, 2]"], ["[1,,2]"]),
    "only optional": (
        {"type": "object", "properties": {"a": {"type": "null"}, "b": {"type": "null"}}},
        ["{}", '{"a": null}', '{"b": null}', '{"a": null, "b": null}'],
        ['{"b": null, "a": null}', '{, "b": null}', '{"c": 1}'],
    ),
    "others beside": (
        {
            "type": "object",
            "properties": {"ab": {"type": "null"}, "ac": {"type": "null"}, 'a"': {"type": "null"}},
            "required": ["ac"],
            "additionalProperties": {"type": "integer"},
        },
        ['{"ac": null}', '{"ab": null, "ac": null, "a": 1, "abc": 2, "": 3}'],
        ['{"ab": 1, "ac": null}', '{"ac": null, "ac": 1}', '{"ac": null, "ab": 1}', '{"ac": null, "\\u0061b": 1}'],
    ),
    "a map": (
        {"type": "object", "additionalProperties": {"type": "boolean"}, "minProperties": 1, "maxProperties": 2},
        ['{"a": true}', '{"a": true, "b": false}'],
        ["{}", '{"a": 1}', '{"a": true, "b": true, "c": true}'],
    ),
    "keys that are named": (
        {"type": "object", "propertyNames": {"enum": ["x", "y"]}, "additionalProperties": {"type": "integer"}},
        ["{}", '{"x": 1, "y": 2}'],
        ['{"z": 1}'],
    ),
    "keys of a pattern": (
        {"type": "object", "patternProperties": {"^n[0-9]$": {"type": "null"}}, "additionalProperties": False},
        ["{}", '{"n1": null}'],
        ['{"n": null}', '{"n1": 1}'],
    ),
    "several types": ({"type": ["integer", "null", "string"], "maxLength": 1}, ["5", "null", '"a"'], ["5.5", '"ab"']),
    "values": ({"enum": ["a", "ab", 1, None, [1, {"b": "\n"}]]}, ['"ab"', "1", "null", '[1, {"b": "\\n"}]'], ['"b"']),
    "values of a type": ({"type": "integer", "enum": ["a", 1, 2.0, 2.5]}, ["1", "2.0"], ['"a"', "2.5"]),
    "one value": ({"const": {"a": '"\\你'}}, ['{"a": "\\"\\\\你"}'], ["{}"]),
    "a pair": (
        {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2, "maxItems": 2},
        ['[1, "a"]'],
        ["[1]", '["a", 1]', '[1, "a", 2]'],
    ),
    "a pair as it was written": (
        {"type": "array", "items": [{"type": "integer"}, {"type": "null"}], "additionalItems": {"type": "boolean"}},
        ["[1, null]", "[1, null, true, false]"],
        ["[1, null, 2]"],
    ),
    "lengths": (
        {"type": "array", "items": {"type": "null"}, "minItems": 2, "maxItems": 3},
        ["[null, null]"],
        ["[null]"],
    ),
    "pets": (
        {"oneOf": [CAT, DOG], "discriminator": {}},
        ['{"kind": "dog", "barks": true}'],
        ['{"kind": "dog", "lives": 9}'],
    ),
    "joined": (
        {
            "$defs": {
                "base": {"type": "object", "properties": {"id": {"type": "integer", "minimum": 1}}, "required": ["id"]}
            },
            "allOf": [{"$ref": "#/$defs/base"}, {"properties": {"id": {"maximum": 5}, "name": {"type": "string"}}}],
        },
        ['{"id": 5}', '{"id": 1, "name": "x"}'],
        ['{"id": 6}', '{"id": 0}', '{"name": "x"}'],
    ),
    "one of the required": (
        {
            "type": "object",
            "properties": {"a": {"type": "null"}, "b": {"type": "null"}},
            "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
        },
        ['{"a": null}', '{"b": null}', '{"a": null, "b": null}'],
        ["{}"],
    ),
    "a tree": (TREE, ['{"v": 1, "left": {"v": 2, "left": null}}'], ['{"v": 1}']),
    "between": (
        {"type": "number", "minimum": 0, "maximum": 1},
        ["0", "1", "0.5", "1.0", "0.999"],
        ["1.1", "-0.1", "2"],
    ),
    "small integers": ({"type": "integer", "format": "int8"}, ["-128", "127"], ["128", "-129"]),
    "a date": ({"type": "string", "format": "date"}, ['"2024-12-31"'], ['"2024-02-30"', '"2024-13-01"']),
    "a time": ({"type": "string", "format": "date-time"}, ['"2024-12-31T23:59:59.5+01:00"'], ['"2024-12-31"']),
    "an id": ({"type": "string", "format": "uuid"}, ['"123e4567-e89b-12d3-a456-426614174000"'], ['"123e4567"']),
    "mail": ({"type": "string", "format": "email"}, ['"ann.b@example.org"'], ['"ann"', '"a@b"']),
    "an address": ({"type": "string", "format": "uri"}, ['"https://example.org/a?b=c"'], ['"example"']),
    "an address of four bytes": (
        {"type": "string", "format": "ipv4"},
        ['"192.168.0.255"'],
        ['"256.1.1.1"', '"01.1.1.1"'],
    ),
    "a span": ({"type": "string", "format": "duration"}, ['"P3DT4H"', '"PT5M30S"'], ['"P"', '"PT"']),
    "a pattern that has its length": ({"pattern": "^[a-z]{3}$", "maxLength": 3}, ['"abc"'], ['"ab"']),
    "long": (
        {"type": "string", "minLength": 2001, "maxLength": 3000},
        ['"' + "x" * 2500 + '"'],
        ['"x"', '"' + "x" * 3001 + '"'],
    ),
}


@pytest.mark.parametrize("name", FOLLOWED)
def test_followed(name: str) -> None:
    schema, right, wrong = FOLLOWED[name]
    gbnf = from_schema(schema)
    assert [text for text in right if not matches(gbnf, text)] == []
    assert [text for text in wrong if matches(gbnf, text)] == []
    for text in right:
        validate(schema, json.loads(text))


def validate(schema: Any, value: Any) -> None:
    validator = jsonschema.Draft7Validator if "additionalItems" in str(schema) else jsonschema.Draft202012Validator
    validator(schema).validate(value)


def deep(n: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(n):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


SELF = {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}
DOUBLING = {
    "$defs": {
        **{f"a{i}": {"allOf": [{"$ref": f"#/$defs/a{i + 1}"}] * 2} for i in range(20)},
        "a20": {"type": "object"},
    },
    "$ref": "#/$defs/a0",
}
LONG_WAY = {
    "$defs": {**{f"a{i}": {"items": {"$ref": f"#/$defs/a{i + 1}"}} for i in range(3000)}, "a3000": {"type": "null"}},
    "$ref": "#/$defs/a0",
}
ALIKE = {
    "anyOf": [{"properties": {"a": {"$ref": "#"}}}, {"properties": {"a": {"$ref": "#"}, "b": {}}}, {"type": "null"}]
}

REFUSED: dict[str, tuple[Any, str]] = {
    "900 levels": (deep(900), "deeper than 64"),
    "references 3,000 deep": (LONG_WAY, "deeper than 64"),
    "a billion items": ({"type": "array", "minItems": 10**9}, "more than 2,000 items"),
    "at most a billion items": ({"type": "array", "maxItems": 10**9}, "more than 2,000 items"),
    "a billion letters": ({"type": "string", "maxLength": 10**9}, "lengths beyond 4,000"),
    "a million values": ({"enum": list(range(10**6))}, "more than 20,000 parts"),
    "10,000 values": ({"enum": [f"value number {i * 7919}" for i in range(9999)]}, "more than 64 KiB"),
    "not a number": ({"const": float("nan")}, "not finite"),
    "infinity": ({"maximum": float("inf")}, "not finite"),
    "an endless integer": ({"const": 10**5000}, "more than a thousand digits"),
    "a key that is a number": ({1: {}}, "a key that is no string"),
    "a Python value": ({"const": {1, 2}}, "type set, which is not JSON"),
    "half a character": ({"const": "\ud800"}, "half a character"),
    "a string": ("schema", r"\$: a schema must be an object"),
    "false": (False, "allows no value"),
    "a reference to itself": ({"$ref": "#"}, "refers to itself without end"),
    "two that refer to each other": (
        {"$ref": "#/a", "a": {"$ref": "#/b"}, "b": {"$ref": "#/a"}},
        "is not supported|refers to itself",
    ),
    "joined with itself": ({"allOf": [{"$ref": "#"}, {"type": "object"}]}, "refers to itself without end"),
    "one of itself": ({"anyOf": [{"$ref": "#"}, {"type": "null"}]}, "refers to itself without end"),
    "contains itself": (SELF, "would contain itself without end"),
    "doubling": (DOUBLING, "more than we can follow"),
    "alike and nested": (ALIKE, "leaves too much open"),
    "elsewhere": ({"$ref": "https://example.org/schema"}, "only #/... within the schema"),
    "a file": ({"$ref": "file:///etc/passwd"}, "only #/... within the schema"),
    "nowhere": ({"$ref": "#/$defs/x"}, "leads nowhere"),
    "a slip": (
        {"properties": {"a": {"type": "string", "maxLenght": 3}}},
        r"\$\.properties\.a: maxLenght is not supported",
    ),
    "not": ({"not": {}}, "not is not supported"),
    "if": ({"if": {}, "then": {}}, "if is not supported"),
    "two kinds of lists": ({"prefixItems": [{}], "items": [{}]}, "prefixItems beside it"),
    "unique": ({"type": "array", "uniqueItems": True}, "uniqueItems is not supported"),
    "contains": ({"type": "array", "contains": {}}, "contains is not supported"),
    "multiples": ({"type": "integer", "multipleOf": 5}, "multipleOf is not supported"),
    "nullable": ({"type": "string", "nullable": True}, "nullable is not supported"),
    "another type": ({"type": "decimal"}, "type must be one or several of"),
    "no types": ({"type": []}, "type must be one or several of"),
    "an unknown format": ({"type": "string", "format": "color"}, 'format "color" is not supported'),
    "a type that is null": ({"type": None}, "type may not be null"),
    "a bad pattern": ({"pattern": "(?=a)"}, "the pattern cannot be used"),
    "a pattern and a length": ({"pattern": "^a+$", "maxLength": 5}, "must follow from it"),
    "no number": ({"type": "integer", "minimum": 2, "maximum": 1}, "no number lies between"),
    "no whole number": ({"type": "integer", "minimum": 1.2, "maximum": 1.8}, "no number lies between"),
    "a bound that is a word": ({"type": "integer", "minimum": "1"}, "minimum must be a number"),
    "a length below nothing": ({"type": "string", "minLength": -1}, "minLength must be a whole number"),
    "lengths turned round": ({"type": "string", "minLength": 2, "maxLength": 1}, "maxLength is less than minLength"),
    "one of two alike": ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "a value may fit both"),
    "one of two without types": ({"oneOf": [{"minimum": 1}, {"minLength": 1}]}, "a value may fit both"),
    "no value": ({"enum": []}, "enum must be a list of values"),
    "no value of the type": ({"type": "null", "enum": [1]}, "none of the values fits"),
    "values and more": ({"enum": ["a"], "minLength": 3}, "minLength beside enum or const"),
    "required but closed": (
        {"type": "object", "properties": {}, "required": ["a"], "additionalProperties": False},
        "a is required but is none of its properties",
    ),
    "two closed ones": (
        {"allOf": [{"properties": {"a": {}}, "additionalProperties": False}, {"properties": {"b": {}}}]},
        "additionalProperties of one part",
    ),
    "types that exclude each other": ({"allOf": [{"type": "null"}, {"type": "string"}]}, "no type fits all"),
    "several patterns of keys": ({"patternProperties": {"^a": {}, "^b": {}}}, "only supported alone"),
    "many options": (
        {"type": "object", "properties": {f"p{i}": {} for i in range(400)}},
        "too large or leaves too much open",
    ),
    "properties that are no object": ({"properties": []}, "properties must be an object"),
    "a required that is no list": ({"type": "object", "required": "a"}, "required must be a list"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    schema, sentence = REFUSED[name]
    with pytest.raises(UsageError, match=sentence):
        from_schema(schema)


@pytest.mark.parametrize("schema", [PERSON, TREE, {"oneOf": [CAT, DOG]}, {}])
def test_what_is_written_fits(schema: Any) -> None:
    gbnf = from_schema(schema)
    found = [text for seed in range(40) if (text := written(gbnf, Random(seed)))]
    assert len(found) > 20
    for text in found:
        validate(schema, json.loads(text))


@settings(deadline=None)
@given(st.integers(0, 1 << 32))
def test_what_random_schemas_let_through_fits_them(seed: int) -> None:
    random = Random(seed)
    schema = random_schema(random)
    try:
        gbnf = from_schema(schema)
    except UsageError:
        return
    for _ in range(3):
        text = written(gbnf, random)
        if text is not None:
            validate(schema, json.loads(text))


def test_any_object() -> None:
    gbnf = json_object()
    assert matches(gbnf, '{"a": [1, {"b": null}], "c": "\\n"}')
    assert not matches(gbnf, "[1]")
    assert all(isinstance(json.loads(text), dict) for seed in range(20) if (text := written(gbnf, Random(seed))))
