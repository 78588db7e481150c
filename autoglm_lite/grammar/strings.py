"""What stands between the quotes of JSON strings, as GBNF. Each character is one character of the decoded string."""

from __future__ import annotations

from dataclasses import dataclass

from autoglm_lite.grammar.chars import Ranges, common, union, without
from autoglm_lite.grammar.rules import Rules, char_class, one_of, repeated

RAW: Ranges = ((0x20, 0x21), (0x23, 0x5B), (0x5D, 0x7E), (0x80, 0xD7FF), (0xE000, 0x10FFFF))
"""May stand in a JSON string as they are."""
_SHORT = {0x22: '"', 0x5C: "\\", 0x08: "b", 0x0C: "f", 0x0A: "n", 0x0D: "r", 0x09: "t"}

# No \uXXXX: every character that a model may want is written as it is, and half of one would upset all lengths.
CHAR = char_class(RAW) + r' | "\\" ["\\/bfnrt]'
KEY_CHAR = char_class(RAW)
MAX_LENGTH = 4000
_BLOCK = 2000


@dataclass(frozen=True, slots=True)
class Content:
    """A string's content, and how many characters it may have; None is no limit."""

    expression: str
    shortest: int
    longest: int | None


def one_char(ranges: Ranges) -> str | None:
    """A character out of these as JSON writes it; None when it can write none of them."""
    raw = common(ranges, RAW)
    short = "".join(
        letter for code_point, letter in _SHORT.items() if any(first <= code_point <= last for first, last in ranges)
    )
    found = [char_class(raw)] if raw else []
    if short:
        found.append('"\\\\" ' + char_class(tuple((ord(letter), ord(letter)) for letter in sorted(short))))
    return one_of(found) if found else None


def of_length(rules: Rules, char: str, low: int, high: int | None) -> str:
    """`char`, the name of a rule, so often, in blocks: llama.cpp repeats nothing more than 2,000 times."""
    fixed = []
    if low >= _BLOCK:
        block = rules.add(f"{char}{{{_BLOCK}}}")
        fixed.append(repeated(block, low // _BLOCK, low // _BLOCK))
    if low % _BLOCK:
        fixed.append(repeated(char, low % _BLOCK, low % _BLOCK))
    if high is None:
        return " ".join([*fixed, f"{char}*"])
    optional = high - low
    n_blocks = max(optional - 1, 0) // _BLOCK
    rest = rules.add(repeated(char, 0, optional - n_blocks * _BLOCK)) if optional else ""
    for _ in range(n_blocks):
        block = rules.add(f"{char}{{{_BLOCK}}}")
        fewer = rules.add(f"{char}{{0,{_BLOCK - 1}}}")
        rest = rules.add(f"{fewer} | {block} {rest}".rstrip())
    return " ".join([*fixed, *([rest] if rest else [])]) or '""'


def other_key(rules: Rules, names: list[str]) -> str:
    """A key, with its closing quote, that is none of these; it has no escapes, which could spell one of them."""
    rest = rules.add(f'{rules.add(KEY_CHAR)}* "\\""')
    usable = [name for name in names if not without(union((ord(char), ord(char)) for char in name), RAW)]
    return _other(rules, sorted(set(usable)), rest)


def _other(rules: Rules, names: list[str], rest: str) -> str:
    if not names:
        return rest
    groups: dict[str, list[str]] = {}
    for name in names:
        if name:
            groups.setdefault(name[0], []).append(name[1:])
    found = [] if "" in names else ['"\\""']
    different = without(RAW, [(ord(char), ord(char)) for char in groups])
    found.append(f"{char_class(different)} {rest}")
    found += [f"{char_class(((ord(char), ord(char)),))} {_other(rules, group, rest)}" for char, group in groups.items()]
    return rules.add(" | ".join(found))
