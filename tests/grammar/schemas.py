"""JSON schemas and grammars made at random, and then spoilt at random."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

NAMES = ["a", "ab", "b", "name", "名", 'q"', "x y", ""]
VALUES: list[Any] = [None, True, 0, -3, 2.5, "", "ab", "new\nline", [], {}, [1, "a"], {"a": None}]


def random_schema(random: Random) -> Any:
    """One with definitions that it may refer to; most can be followed."""
    n_definitions = random.randrange(3)
    names = [f"d{i}" for i in range(n_definitions)]
    schema = _schema(random, 3, names)
    if names and isinstance(schema, dict):
        schema["$defs"] = {name: _schema(random, 2, names) for name in names}
    return schema


def _schema(random: Random, depth: int, names: list[str]) -> Any:
    kinds = ["string", "integer", "number", "boolean", "null", "enum", "const", "any", "pattern", "format"]
    if depth:
        kinds += ["object", "object", "array", "anyOf", "oneOf", "allOf", "map", "tuple"] + ["ref"] * bool(names)
    kind = random.choice(kinds)

    def sub() -> Any:
        return _schema(random, depth - 1, names)

    if kind == "string":
        return {"type": "string", **_pair(random, "minLength", "maxLength", 12)}
    if kind in ("integer", "number"):
        names_of = random.choice([("minimum", "maximum"), ("exclusiveMinimum", "exclusiveMaximum")])
        low = random.choice([random.randint(-300, 300), random.uniform(-3, 3)])
        bounds = {names_of[0]: low, names_of[1]: low + random.choice([1, 1.5, 200, 0])}
        return {"type": kind, **{key: bounds[key] for key in bounds if random.random() < 0.5}}
    if kind in ("boolean", "null"):
        return {"type": [kind, "null"]} if random.random() < 0.3 and kind != "null" else {"type": kind}
    if kind == "enum":
        return {"enum": random.sample(VALUES, random.randint(1, 5))}
    if kind == "const":
        return {"const": random.choice(VALUES)}
    if kind == "any":
        return random.choice([{}, True])
    if kind == "pattern":
        return {"type": "string", "pattern": random.choice(["^[a-z]{2,4}$", "a.b", r"^\d+(,\d+)*$", "^(x|yz)", r"\S$"])}
    if kind == "format":
        return {"type": "string", "format": random.choice(["date", "time", "date-time", "uuid", "email", "ipv4"])}
    if kind == "object":
        chosen = random.sample(NAMES, random.randint(0, 4))
        schema: dict[str, Any] = {"type": "object", "properties": {name: sub() for name in chosen}}
        schema["required"] = [name for name in chosen if random.random() < 0.6]
        if random.random() < 0.5:
            schema["additionalProperties"] = random.choice([False, True, {"type": "integer"}])
        return schema
    if kind == "map":
        return {"type": "object", "additionalProperties": sub(), **_pair(random, "minProperties", "maxProperties", 2)}
    if kind == "array":
        return {"type": "array", "items": sub(), **_pair(random, "minItems", "maxItems", 4)}
    if kind == "tuple":
        return {"type": "array", "prefixItems": [sub() for _ in range(random.randint(1, 3))], "items": sub()}
    if kind == "ref":
        return {"$ref": f"#/$defs/{random.choice(names)}"}
    return {kind: [sub() for _ in range(random.randint(1, 3))]}


def _pair(random: Random, low_name: str, high_name: str, most: int) -> dict[str, int]:
    low = random.randint(0, most)
    pair = {low_name: low, high_name: random.randint(low, most)}
    return {key: pair[key] for key in pair if random.random() < 0.5}


def spoilt_schema(random: Random, schema: Any) -> Any:
    """With one value somewhere replaced by another that may make no sense."""
    schema = copy.deepcopy(schema)
    junk: list[Any] = [None, -1, 10**9, 10**30, 1.5, True, "x", "#", [], ["a"], [{}], {}]
    junk += [{"$ref": "#"}, {"$ref": "#/$defs/d0"}]
    places: list[tuple[Any, Any]] = []
    todo = [schema]
    while todo:
        value = todo.pop()
        items = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else [])
        for key, item in items:
            places.append((value, key))
            todo.append(item)
    if not places:
        return random.choice(junk)
    value, key = random.choice(places)
    value[key] = random.choice(junk)
    return schema


def random_grammar(random: Random) -> str:
    """Rules that refer to one another; many can be followed."""
    names = ["root", *(f"r{i}" for i in range(random.randint(0, 4)))]
    rules = []
    for index, name in enumerate(names):
        # Mostly to later ones, so that not all of them are recursive.
        others = names[index + 1 :] if random.random() < 0.8 else names
        rules.append(f"{name} ::= {_expression(random, 3, others)}")
    return "\n".join(rules) + "\n"


def _expression(random: Random, depth: int, names: list[str]) -> str:
    return " | ".join(
        " ".join(_item(random, depth, names) for _ in range(random.choice([1, 1, 2, 2, 3])))
        for _ in range(random.choice([1, 1, 1, 2, 3]))
    )


def _item(random: Random, depth: int, names: list[str]) -> str:
    kind = random.randrange(10)
    if kind < 3 or (kind < 6 and not names) or (kind == 6 and not depth):
        item = random.choice(['"a"', '"the "', '" "', '"0"', '"\\n"', '"你"', '"on"', '"{"', '"x\\u00e9"'])
    elif kind < 6:
        item = random.choice(names)
    elif kind == 6:
        item = f"({_expression(random, depth - 1, names)})"
    else:
        item = random.choice(["[a-z]", "[^a]", "[ \\t\\n]", ".", "[0-9]", "[A-Z_]", '[^\\x00-\\x1F"]', "[一-龥]"])
    return item + random.choice(["", "", "", "", "?", "*", "+", "{2}", "{1,3}", "{0,20}", "{3,}"])


def spoilt_grammar(random: Random, grammar: str) -> str:
    """With a few characters taken out, put in or doubled."""
    for _ in range(random.randint(1, 3)):
        at, end = random.randrange(len(grammar) + 1), random.randrange(len(grammar) + 1)
        put = random.choice([*'()[]{}|*+?."^-\\<!#:=,09 \n', "root", "::=", "{1,999}", "[^", "\\x", "\0", "r1"])
        grammar = random.choice(
            [
                grammar[:at] + put + grammar[at:],
                grammar[:at] + grammar[at + 1 :],
                grammar[:at] + grammar[at:end] + grammar[at:],
            ]
        )
    return grammar
