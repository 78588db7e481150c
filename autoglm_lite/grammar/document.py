"""A JSON schema as a document: whether it is one, and what its references lead to."""

from __future__ import annotations

import json
import math
from typing import Any
from urllib.parse import unquote

from autoglm_lite.errors import UsageError
from autoglm_lite.grammar.keywords import refuse

MAX_DEPTH = 64
MAX_NODES = 20_000


def check_document(schema: object) -> None:
    """Raises UsageError for what is no JSON value, too deep or too large."""
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


def target(document: Any, pointer: Any, path: str) -> Any:
    """What a $ref leads to. Raises UsageError."""
    if not isinstance(pointer, str) or not (pointer == "#" or pointer.startswith("#/")):
        refuse(path, f"$ref {json.dumps(pointer)} is not supported: only #/... within the schema is")
    value = document
    for step in pointer.split("/")[1:]:
        key = unquote(step).replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and len(key) < 6 and int(key) < len(value):
            value = value[int(key)]
        else:
            refuse(path, f"$ref {json.dumps(pointer)} leads nowhere")
    return value
