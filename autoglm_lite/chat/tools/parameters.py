"""What the parameters of a tool may be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from autoglm_lite.chat.messages import Tool
from autoglm_lite.errors import UsageError
from autoglm_lite.grammar.document import target

KINDS = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
ALL = frozenset([*KINDS.values(), "null"])
MOST_DEEP = 16
ABOUT_NAMES = ("additionalProperties", "patternProperties", "propertyNames", "unevaluatedProperties", "required")


def schema(tool: Tool) -> dict[str, Any]:
    """Of the arguments, as programs mean it: always an object, and without properties an empty one."""
    found = {"type": "object", **tool.parameters}
    if not found.get("properties") and set(found) <= {"type", "properties", "title", "description", "$schema"}:
        found["additionalProperties"] = False
    return found


def properties(tool: Tool) -> Mapping[str, Any]:
    """The schemas of the arguments that have names; none where it says them otherwise."""
    found = tool.parameters.get("properties")
    return found if isinstance(found, Mapping) else {}


def kinds(part: Any, document: Any, depth: int = 0) -> frozenset[str]:
    """The JSON types that a schema, a part of `document`, allows by what it says of types and values."""
    if not isinstance(part, Mapping) or depth > MOST_DEEP:
        return ALL
    found = ALL
    named = part.get("type")
    if named is not None:
        names = named if isinstance(named, list) else [named]
        found &= frozenset(name for name in names if isinstance(name, str))
        if "number" in found:
            found |= {"integer"}
    if isinstance(part.get("enum"), list):
        found &= {kind(value) for value in part["enum"]}
    if "const" in part:
        found &= {kind(part["const"])}
    for keyword in ("anyOf", "oneOf"):
        if isinstance(part.get(keyword), list):
            found &= frozenset[str]().union(*(kinds(one, document, depth + 1) for one in part[keyword]))
    if isinstance(part.get("allOf"), list):
        for one in part["allOf"]:
            found &= kinds(one, document, depth + 1)
    if "$ref" in part:
        try:
            found &= kinds(target(document, part["$ref"], "$"), document, depth + 1)
        except UsageError:
            return ALL
    return found or ALL


def kind(value: object) -> str:
    return "null" if value is None else KINDS[type(value)]


_PYTHON = {"True": "true", "False": "false", "None": "null"}


def as_json(text: str, allowed: frozenset[str]) -> str:
    """The JSON value that is meant by `text`, in which strings have no quotes."""
    said = text.strip()
    said = _PYTHON.get(said, said)
    try:
        value = json.loads(said, parse_constant=_refuse)
    except (ValueError, RecursionError):
        value = ""
    # What is a number and a text may be either: a text only where no number may be.
    if not isinstance(value, str) and kind(value) in allowed:
        return said
    return json.dumps(text, ensure_ascii=False)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
