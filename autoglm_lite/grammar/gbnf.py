"""Reads GBNF exactly as this version of llama.cpp does (src/llama-grammar.cpp), and says what is wrong with it.

llama.cpp ends the process or never returns on much of what is refused here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from autoglm_lite.errors import UsageError
from autoglm_lite.grammar.chars import LAST, UNWRITABLE, Chars, complement, union, without

MAX_BYTES = 64 * 1024
MAX_NESTING = 100
MAX_REPEATS = 2000
"""llama.cpp's MAX_REPETITION_THRESHOLD: it refuses more, and reads a larger upper bound as none."""
MAX_ELEMENTS = 300_000
"""Of llama.cpp's expanded rules, 8 bytes each."""

Symbol = int | Chars
"""A reference to a rule by its number, or a character."""
Alternative = list[Symbol]

_ESCAPES = {"t": 0x09, "r": 0x0D, "n": 0x0A, "\\": 0x5C, '"': 0x22, "[": 0x5B, "]": 0x5D, "-": 0x2D}
_HEX = {"x": 2, "u": 4, "U": 8}
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
_DIGITS = frozenset("0123456789")
_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")


@dataclass(frozen=True, slots=True)
class Grammar:
    """Rules with all repetitions written out, as llama.cpp holds them."""

    rules: list[list[Alternative]]
    root: int
    owners: list[str]
    """For each rule the one in the text that it was made from."""
    sizes: list[int]
    """Of each rule in llama.cpp's elements."""


def parse(text: str) -> Grammar:
    """Raises UsageError with what is wrong and where."""
    return _Parser(text).grammar()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.numbers: dict[str, int] = {}
        self.owners: list[str] = []
        self.rules: list[list[Alternative] | None] = []
        self.used_at: dict[int, int] = {}
        self.n_elements = 0
        self.nesting = 0

    def grammar(self) -> Grammar:
        if len(self.text) > MAX_BYTES or len(self.text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
            raise UsageError(f"The grammar is longer than {MAX_BYTES // 1024} KiB: make it smaller.")
        for at, char in enumerate(self.text):
            if char == "\0" or "\ud800" <= char <= "\udfff":
                self.fail(f"the character U+{ord(char):04X} has no place in a text", at)
        self.space(True)
        while self.at < len(self.text):
            self.rule()
        if "root" not in self.numbers:
            raise UsageError("The grammar has no rule named root, with which an answer begins: add `root ::= ...`.")
        rules: list[list[Alternative]] = []
        for number, rule in enumerate(self.rules):
            if rule is None:
                self.fail(f"there is no rule named {self.owners[number]}", self.used_at[number])
            rules.append(rule)
        sizes = [sum(1 + sum(map(_size, alternative)) for alternative in rule) for rule in rules]
        return Grammar(rules, self.numbers["root"], self.owners, sizes)

    def fail(self, what: str, at: int | None = None) -> NoReturn:
        at = self.at if at is None else at
        line = self.text.count("\n", 0, at) + 1
        column = at - (self.text.rfind("\n", 0, at) + 1) + 1
        raise UsageError(f"The grammar cannot be used: line {line}, column {column}: {what}.")

    def peek(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else ""

    def seen(self) -> str:
        """The next character, for a sentence."""
        char = self.peek()
        return repr(char) if char else "the end"

    def space(self, newlines: bool) -> None:
        text, at = self.text, self.at
        while at < len(text):
            char = text[at]
            if char == "#":
                while at < len(text) and text[at] not in "\r\n":
                    at += 1
            elif char in " \t" or (newlines and char in "\r\n"):
                at += 1
            else:
                break
        self.at = at

    def word(self, letters: frozenset[str]) -> str:
        start = self.at
        while self.peek() in letters:
            self.at += 1
        return self.text[start : self.at]

    def rule(self) -> None:
        start = self.at
        name = self.word(_NAME)
        if not name:
            self.fail(f"the name of a rule should stand here, of letters, digits and '-', not {self.seen()}")
        number = self.number(name, start)
        self.space(False)
        if not self.text.startswith("::=", self.at):
            self.fail(f"::= should stand here, not {self.seen()} (names have only letters, digits and '-')")
        if self.rules[number] is not None:
            self.fail(f"there is already a rule named {name}", start)
        self.at += 3
        self.space(True)
        self.rules[number] = self.alternatives(name, nested=False)
        if self.peek() not in ("", "\r", "\n"):
            self.fail(f"{self.seen()} has no meaning here")
        self.space(True)

    def number(self, name: str, at: int) -> int:
        number = self.numbers.get(name)
        if number is None:
            number = self.numbers[name] = self.new(name)
            self.used_at[number] = at
        return number

    def new(self, owner: str) -> int:
        self.owners.append(owner)
        self.rules.append(None)
        return len(self.rules) - 1

    def alternatives(self, owner: str, *, nested: bool) -> list[Alternative]:
        found = [self.sequence(owner, nested)]
        while self.peek() == "|":
            self.at += 1
            self.space(True)
            found.append(self.sequence(owner, nested))
        self.count(len(found))
        return found

    def count(self, n: int) -> None:
        self.n_elements += n
        if self.n_elements > MAX_ELEMENTS:
            self.fail("with its repetitions written out the grammar is too large: repeat fewer or shorter things")

    def sequence(self, owner: str, nested: bool) -> Alternative:
        items: Alternative = []
        last, n_rules = 0, 1
        while char := self.peek():
            if char in "*+?{":
                n_rules = self.repetition(items, last, owner, n_rules, nested)
                continue
            if char == "(":
                before = len(self.rules)
                item: Alternative = [self.group(owner)]
                n_rules = max(1, len(self.rules) - before)
            elif char == '"':
                item, n_rules = self.literal(), 1
            elif char == "[":
                item, n_rules = [self.char_class()], 1
            elif char == ".":
                self.at += 1
                item, n_rules = [Chars(((0, LAST),))], 1
            elif char in _NAME:
                at = self.at
                item, n_rules = [self.number(self.word(_NAME), at)], 1
            elif char in "<!":
                self.fail("tokens cannot be named in a grammar here: write their text in double quotes")
            else:
                break
            last = len(items)
            items.extend(item)
            self.count(sum(map(_size, item)))
            self.space(nested)
        return items

    def group(self, owner: str) -> int:
        start = self.at
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            self.fail(f"parentheses are nested deeper than {MAX_NESTING}")
        self.at += 1
        self.space(True)
        number = self.new(owner)
        self.rules[number] = self.alternatives(owner, nested=True)
        if self.peek() != ")":
            self.fail(f"')' should stand here, not {self.seen()}, for the '(' of line {self.line(start)}")
        self.at += 1
        self.nesting -= 1
        return number

    def line(self, at: int) -> int:
        return self.text.count("\n", 0, at) + 1

    def literal(self) -> Alternative:
        start = self.at
        self.at += 1
        found: Alternative = []
        while self.peek() != '"':
            if not self.peek():
                self.fail("this string has no closing double quote", start)
            at = self.at
            code_point = self.char()
            if any(first <= code_point <= last for first, last in UNWRITABLE):
                self.fail(f"the character U+{code_point:04X} can never be written", at)
            found.append(Chars(((code_point, code_point),)))
        self.at += 1
        return found

    def char_class(self) -> Chars:
        start = self.at
        self.at += 1
        negated = self.peek() == "^"
        self.at += negated
        ranges: list[tuple[int, int]] = []
        n_elements = 0
        while self.peek() != "]":
            if not self.peek():
                self.fail("this '[' has no closing ']'", start)
            at = self.at
            first = last = self.char()
            n_elements += 1
            if self.peek() == "-" and self.text[self.at + 1 : self.at + 2] != "]":
                self.at += 1
                last = self.char()
                n_elements += 1
                if last < first:
                    self.fail("this range ends before it begins", at)
            ranges.append((first, last))
        self.at += 1
        if not ranges:
            self.fail("a character class may not be empty", start)
        joined = union(ranges)
        joined = complement(joined) if negated else joined
        if not without(joined, UNWRITABLE):
            self.fail("no character fits into this class", start)
        return Chars(joined, n_elements)

    def char(self) -> int:
        at = self.at
        char = self.peek()
        if not char:
            self.fail("the grammar ends within a character")
        self.at += 1
        if char != "\\":
            return ord(char)
        kind = self.peek()
        self.at += 1
        if kind in _ESCAPES:
            return _ESCAPES[kind]
        if kind not in _HEX:
            self.fail('unknown escape: there are only \\n \\r \\t \\\\ \\" \\[ \\] \\- \\xHH \\uHHHH \\UHHHHHHHH', at)
        digits = self.text[self.at : self.at + _HEX[kind]]
        if len(digits) < _HEX[kind] or not _HEX_DIGITS.issuperset(digits):
            self.fail(f"\\{kind} needs {_HEX[kind]} hexadecimal digits after it", at)
        self.at += len(digits)
        code_point = int(digits, 16)
        if code_point > LAST:
            self.fail("there are no characters beyond U+10FFFF", at)
        return code_point

    def repetition(self, items: Alternative, last: int, owner: str, n_rules: int, nested: bool) -> int:
        """Writes a repetition of items[last:] out, as llama.cpp does; returns the rules that one more would repeat."""
        start = self.at
        if last == len(items):
            self.fail("nothing stands here that could be repeated")
        low, high = self.bounds(nested)
        times = (high or low or 1) if high is not None else (low or 1)
        if n_rules * times > MAX_REPEATS:
            self.fail(f"repetitions within repetitions come to more than {MAX_REPEATS}", start)
        repeated = items[last:]
        size = sum(map(_size, repeated))
        n_optional = 1 if high is None else high - low
        self.count(size * max(low - 1, 0) + (size + 3) * n_optional)
        if low == 0:
            del items[last:]
        else:
            items.extend(repeated * (low - 1))
        previous: int | None = None
        for _ in range(n_optional):
            number = self.new(owner)
            tail = number if high is None else previous
            self.rules[number] = [[*repeated, tail] if tail is not None else list(repeated), []]
            previous = number
        if previous is not None:
            items.append(previous)
        return n_rules * times

    def bounds(self, nested: bool) -> tuple[int, int | None]:
        """Of `*`, `+`, `?`, `{m}`, `{m,}` or `{m,n}`; moves on behind it."""
        start = self.at
        kind = self.peek()
        self.at += 1
        self.space(nested)
        if kind != "{":
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[kind]
        low = self.times(start)
        self.space(nested)
        high: int | None = low
        if self.peek() == ",":
            self.at += 1
            self.space(nested)
            high = self.times(start) if self.peek() in _DIGITS else None
            self.space(nested)
        if self.peek() != "}":
            self.fail(f"'}}' should stand here, not {self.seen()}")
        self.at += 1
        self.space(nested)
        if high is not None and high < low:
            self.fail(f"{{{low},{high}}} ends before it begins", start)
        return low, high

    def times(self, start: int) -> int:
        digits = self.word(_DIGITS)
        if not digits:
            self.fail(f"a number should stand here, not {self.seen()}")
        # Python takes seconds over a number of a million digits.
        times = int(digits) if len(digits.lstrip("0")) <= 9 else 10**9
        if times > MAX_REPEATS:
            self.fail(f"nothing can be repeated more than {MAX_REPEATS} times", start)
        return times


def _size(symbol: Symbol) -> int:
    return symbol.n_elements if isinstance(symbol, Chars) else 1
