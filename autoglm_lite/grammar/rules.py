"""Writes GBNF: names for rules, literals, character classes, choices."""

from __future__ import annotations

from collections.abc import Sequence

from autoglm_lite.errors import UsageError
from autoglm_lite.grammar.chars import Ranges
from autoglm_lite.grammar.gbnf import MAX_BYTES

_ESCAPED = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_CHOICE_DEPTH = 40


class Rules:
    """The rules of one grammar; equal ones are written once."""

    def __init__(self) -> None:
        self._bodies: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._n_bytes = 0

    def add(self, body: str) -> str:
        """The name of a rule with this body. Raises UsageError when the grammar becomes too large."""
        name = self._names.get(body)
        if name is None:
            name = self._names[body] = self.reserve()
            self.define(name, body)
        return name

    def reserve(self) -> str:
        """A name for a rule that is defined later."""
        name = f"r{len(self._bodies)}"
        self._bodies[name] = ""
        return name

    def define(self, name: str, body: str) -> None:
        self._bodies[name] = body
        self._n_bytes += len(name) + len(body.encode()) + 6
        if self._n_bytes > MAX_BYTES:
            raise UsageError(
                f"The JSON schema makes a grammar of more than {MAX_BYTES // 1024} KiB: make it smaller, "
                "with fewer properties or values to choose from."
            )

    def text(self, root: str) -> str:
        """The whole grammar, which begins with the rule `root`."""
        return "".join(f"{name} ::= {body}\n" for name, body in {"root": root, **self._bodies}.items())


def literal(text: str) -> str:
    return '"' + "".join(_ESCAPED.get(char) or (char if char >= " " else f"\\x{ord(char):02X}") for char in text) + '"'


def char_class(ranges: Ranges) -> str:
    """One character out of these, which may not be empty."""
    parts = [_class_char(first) + (f"-{_class_char(last)}" if last > first else "") for first, last in ranges]
    return f"[{''.join(parts)}]"


def _class_char(code_point: int) -> str:
    char = chr(code_point)
    if char.isascii() and char.isalnum():
        return char
    if code_point < 0x100:
        return f"\\x{code_point:02X}"
    return f"\\u{code_point:04X}" if code_point < 0x10000 else f"\\U{code_point:08X}"


def one_of(expressions: Sequence[str]) -> str:
    """A group, or the only one by itself."""
    different = list(dict.fromkeys(expressions))
    return different[0] if len(different) == 1 else f"({' | '.join(different)})"


def choice(texts: Sequence[str], depth: int = 0) -> str:
    """One of these texts, what they begin with in common written once so that few readings run side by side."""
    if depth > _CHOICE_DEPTH:
        return one_of([literal(text) for text in texts])
    groups: dict[str, list[str]] = {}
    for text in dict.fromkeys(texts):
        groups.setdefault(text[:1], []).append(text)
    found = []
    for group in groups.values():
        common = _common_prefix(group)
        rest = [text[len(common) :] for text in group]
        found.append(literal(common) + (f" {choice(rest, depth + 1)}" if len(group) > 1 else ""))
    return one_of(found)


def _common_prefix(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)
    n = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:n]


def repeated(expression: str, low: int, high: int | None) -> str:
    """`expression`, which must be a single item, so many times."""
    if (low, high) == (1, 1):
        return expression
    if high == 0:
        return '""'
    if (low, high) in ((0, None), (1, None), (0, 1)):
        return expression + ("?" if high else "+" if low else "*")
    return expression + (f"{{{low}}}" if low == high else f"{{{low},{'' if high is None else high}}}")
