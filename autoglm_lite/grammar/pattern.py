"""Regular expressions of JSON schemas as GBNF: the part of them that ECMAScript and Python read alike."""

from __future__ import annotations

from typing import NoReturn

from autoglm_lite.grammar.chars import LAST, Ranges, common, complement, union, without
from autoglm_lite.grammar.gbnf import MAX_REPEATS
from autoglm_lite.grammar.rules import Rules, one_of, repeated
from autoglm_lite.grammar.strings import CHAR, Content, one_char

MAX_PATTERN = 2000
MAX_NESTING = 30
_ASCII: Ranges = ((0x09, 0x0D), (0x20, 0x7E))
_DIGIT: Ranges = ((0x30, 0x39),)
_WORD: Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_SPACE: Ranges = ((0x09, 0x0D), (0x20, 0x20))
# What either language may count as white space (or not).
_ANY_SPACE: Ranges = union((*_SPACE, (0x1C, 0x1F), (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680), (0x180E, 0x180E)))
_ANY_SPACE = union((*_ANY_SPACE, (0x2000, 0x200B), (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F)))
_ANY_SPACE = union((*_ANY_SPACE, (0x3000, 0x3000), (0xFEFF, 0xFEFF)))
# The languages differ on letters and digits beyond ASCII, so what is not a letter is taken from ASCII alone.
_CLASSES: dict[str, Ranges] = {
    "d": _DIGIT,
    "w": _WORD,
    "s": _SPACE,
    "D": without(_ASCII, _DIGIT),
    "W": without(_ASCII, _WORD),
    "S": complement(_ANY_SPACE),
}
_CONTROLS = {"n": 0x0A, "r": 0x0D, "t": 0x09, "f": 0x0C, "v": 0x0B}
_LINE_ENDS: Ranges = ((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029))
_ANY: Ranges = without(((0, LAST),), _LINE_ENDS)


_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")


class PatternError(Exception):
    """What is wrong with a pattern, or not supported in it."""


def content(rules: Rules, pattern: str) -> Content:
    """Texts that this pattern finds itself in, as JSON writes them. Raises PatternError."""
    if len(pattern) > MAX_PATTERN:
        raise PatternError(f"it is longer than {MAX_PATTERN} characters")
    return _Parser(rules, pattern).whole()


class _Parser:
    def __init__(self, rules: Rules, pattern: str) -> None:
        self.rules = rules
        self.pattern = pattern
        self.at = 0
        self.nesting = 0

    def fail(self, what: str) -> NoReturn:
        raise PatternError(f"{what} at character {self.at + 1}")

    def peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def take(self, text: str) -> bool:
        found = self.pattern.startswith(text, self.at)
        self.at += len(text) * found
        return found

    def whole(self) -> Content:
        found = [self.anchored()]
        while self.take("|"):
            found.append(self.anchored())
        if self.peek():
            self.fail("there is a ')' too many")
        return _either(found)

    def anchored(self) -> Content:
        """One of the alternatives, with any text where it has no anchor."""
        anything = Content(f"{self.rules.add(CHAR)}*", 0, None)
        begins = self.take("^")
        found = self.sequence()
        ends = self.take("$")
        if self.peek() not in ("", "|", ")"):
            self.fail("'$' is only supported at the end")
        return _sequence([*([] if begins else [anything]), found, *([] if ends else [anything])])

    def alternatives(self) -> Content:
        found = [self.sequence()]
        while self.take("|"):
            found.append(self.sequence())
        return _either(found)

    def sequence(self) -> Content:
        found = []
        while self.peek() not in ("", "|", ")", "$"):
            found.append(self.quantified(self.item()))
        return _sequence(found)

    def item(self) -> Content:
        if self.take("("):
            return self.group()
        if self.take("["):
            return self.one_of_class()
        char = self.peek()
        if char in "*+?{":
            self.fail(f"nothing stands before {char!r}")
        if char == "^":
            self.fail("'^' is only supported at the beginning")
        self.at += 1
        if char == ".":
            return self.char(_ANY)
        return self.char(self.escape() if char == "\\" else ((ord(char), ord(char)),))

    def group(self) -> Content:
        if self.take("?") and not self.take(":"):
            self.fail("groups that look ahead or behind, or have names, are not supported")
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            self.fail("groups are nested too deep")
        found = self.alternatives()
        if not self.take(")"):
            self.fail("')' is missing")
        self.nesting -= 1
        return Content(f"({found.expression})", found.shortest, found.longest)

    def char(self, ranges: Ranges) -> Content:
        expression = one_char(ranges)
        if expression is None:
            self.fail("no character can stand")
        return Content(expression, 1, 1)

    def escape(self) -> Ranges:
        """After a backslash."""
        char = self.peek()
        self.at += 1
        if char in _CLASSES:
            return _CLASSES[char]
        if char in _CONTROLS:
            return ((_CONTROLS[char], _CONTROLS[char]),)
        if char in ("x", "u"):
            digits = self.pattern[self.at : self.at + (2 if char == "x" else 4)]
            if len(digits) < (2 if char == "x" else 4) or not all(
                digit in "0123456789abcdefABCDEF" for digit in digits
            ):
                self.fail(f"hexadecimal digits should stand after \\{char}")
            self.at += len(digits)
            return ((int(digits, 16), int(digits, 16)),)
        if not char or char.isalnum() or not char.isascii():
            self.fail(f"\\{char} is not supported")
        return ((ord(char), ord(char)),)

    def one_of_class(self) -> Content:
        negated = self.take("^")
        inside: list[tuple[int, int]] = []
        while not self.take("]"):
            first = self.class_part()
            if self.peek() == "-" and self.pattern[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                last = self.class_part()
                if any(len(part) != 1 or part[0][0] != part[0][1] for part in (first, last)) or last < first:
                    self.fail("this is no range of characters")
                inside.append((first[0][0], last[0][0]))
            else:
                inside += first
        ranges = union(inside)
        if not negated:
            return self.char(ranges)
        # The languages agree on what is outside of \w and the like only within ASCII.
        doubtful = any(_CLASSES[name] and f"\\{name}" in self.pattern for name in "dwsDWS")
        outside = complement(ranges)
        return self.char(common(outside, _ASCII) if doubtful else outside)

    def class_part(self) -> Ranges:
        char = self.peek()
        if not char:
            self.fail("']' is missing")
        if char == "[":
            self.fail("'[' within a class must be written \\[")
        self.at += 1
        return self.escape() if char == "\\" else ((ord(char), ord(char)),)

    def quantified(self, item: Content) -> Content:
        low, high = 1, 1  # type: int, int | None
        if self.take("*"):
            low, high = 0, None
        elif self.take("+"):
            low, high = 1, None
        elif self.take("?"):
            low, high = 0, 1
        elif self.take("{"):
            low, high = self.bounds()
        else:
            return item
        self.take("?")  # a lazy one finds the same texts
        if self.peek() in ("*", "+", "?", "{") and self.peek():
            self.fail("one repetition follows another")
        if max(low, high or 0) > MAX_REPEATS:
            self.fail(f"more than {MAX_REPEATS} repetitions are not supported")
        name = self.rules.add(item.expression)
        longest = 0 if high == 0 else None if high is None or item.longest is None else item.longest * high
        return Content(repeated(name, low, high), item.shortest * low, longest)

    def bounds(self) -> tuple[int, int | None]:
        end = self.pattern.find("}", self.at)
        low, comma, high = self.pattern[self.at : max(end, self.at)].partition(",")
        if not all(part.isascii() and part.isdigit() and len(part) < 7 for part in (low, high or "0")):
            self.fail("numbers should stand between '{' and '}'")
        self.at = end + 1
        bounds = int(low), (int(high) if high else None) if comma else int(low)
        if bounds[1] is not None and bounds[1] < bounds[0]:
            self.fail("a repetition ends before it begins")
        return bounds


def _either(parts: list[Content]) -> Content:
    longest = [part.longest for part in parts]
    return Content(
        one_of([part.expression for part in parts]),
        min(part.shortest for part in parts),
        None if None in longest else max(length for length in longest if length is not None),
    )


def _sequence(parts: list[Content]) -> Content:
    longest = [part.longest for part in parts]
    return Content(
        " ".join(part.expression for part in parts) or '""',
        sum(part.shortest for part in parts),
        None if None in longest else sum(length for length in longest if length is not None),
    )
