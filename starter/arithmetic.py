"""Sums with small numbers, asked in many ways; the pairs of the held-out file and one in thirty others stay out."""

from __future__ import annotations

import random
from dataclasses import dataclass

from starter.grammar import phrases

UNITS = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
)
TENS = ("zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
DIGITS_ZH = "零一二三四五六七八九"
OPERATIONS = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide"}
PHRASES = phrases("arithmetic")
TOO_HARD = {
    "en": "That is too hard for me: I can add and subtract numbers up to 100 and multiply up to 12.",
    "zh": "这个对我太难了：我只会 100 以内的加减法和 12 以内的乘法。",
}


@dataclass(frozen=True)
class Sum:
    """One sum with its result; division is exact."""

    a: int
    operator: str
    b: int

    @property
    def result(self) -> int:
        """The value."""
        if self.operator == "/":
            return self.a // max(self.b, 1)
        return {"+": self.a + self.b, "-": self.a - self.b, "*": self.a * self.b}[self.operator]

    def __str__(self) -> str:
        sign = {"*": "×", "/": "÷"}.get(self.operator, self.operator)
        return " = ".join([f"{self.a} {sign} {self.b}", *self._steps(), str(self.result)])

    def _steps(self) -> list[str]:
        """What one does in the head with two numbers of two digits: a small network cannot do it in one go either."""
        if min(self.a, self.b) < 10 or max(self.a, self.b) > 99 or self.b % 10 == 0 or self.operator not in "+-":
            return []
        tens, ones = self.b // 10 * 10, self.b % 10
        if self.operator == "+":
            return [f"{self.a // 10 * 10 + tens} + {self.a % 10 + ones}"]
        return [f"{self.a - tens} - {ones}"] if self.a > self.b else []


# Pairs that the questions kept for testing use: they are in no training text (sums in either order).
HELD_OUT = {
    (27, "+", 45),
    (34, "+", 19),
    (16, "+", 58),
    (12, "+", 88),
    (38, "+", 57),
    (46, "+", 29),
    (63, "-", 28),
    (90, "-", 47),
    (82, "-", 15),
    (71, "-", 36),
    (7, "*", 8),
    (9, "*", 6),
    (9, "*", 4),
    (5, "*", 11),
}


def is_held_out(s: Sum) -> bool:
    """Whether training must not see this sum."""
    key = (s.a, s.operator, s.b)
    if key in HELD_OUT or (s.operator == "+" and (s.b, "+", s.a) in HELD_OUT):
        return True
    low, high = sorted((s.a, s.b))
    return s.operator in "+-" and low > 9 and (low * 131 + high * 17 + ord(s.operator)) % 30 == 0


def draw(rng: random.Random) -> Sum:
    """A sum that training may see."""
    while True:
        operator = rng.choices("+-*/", (40, 34, 20, 6))[0]
        top = rng.choice((10, 20, 100, 100, 100))
        a, b = rng.randint(0, top), rng.randint(0, top)
        if operator == "-" and b > a and rng.random() < 0.9:
            a, b = b, a
        if operator == "*":
            a, b = rng.randint(0, 12), rng.randint(0, 12)
        if operator == "/":
            b = rng.randint(1, 12)
            a = b * rng.randint(0, 12)
        s = Sum(a, operator, b)
        if not is_held_out(s):
            return s


def ask(s: Sum, language: str, rng: random.Random) -> str:
    """One way to ask for this sum."""
    operation, frames = OPERATIONS[s.operator], PHRASES[f"ask_{language}"]
    words = rng.random() < 0.12 and max(s.a, s.b) <= 99
    number = (english if language == "en" else chinese) if words else str
    if rng.random() < 0.35:
        return rng.choice(PHRASES[f"{operation}_sentence_{language}"]).format(a=number(s.a), b=number(s.b))
    sum_text = rng.choice(PHRASES[f"{operation}_{language}"]).format(a=number(s.a), b=number(s.b))
    frame = rng.choice(frames[:5]) if rng.random() < 0.3 else rng.choice(frames)
    return frame.format(sum_text)


def answer(s: Sum, language: str) -> str:
    """The answer to a sum."""
    return f"{s}." if language == "en" else f"{s}。"


def too_hard(language: str, rng: random.Random) -> str:
    """A question about numbers that are too big."""
    operator = rng.choice("+-*/")
    low = 13 if operator in "*/" else 201
    a, b = rng.randint(low, rng.choice((999, 99999))), rng.randint(low, rng.choice((999, 9999)))
    return ask(Sum(a, operator, b), language, rng)


def english(n: int) -> str:
    """0 to 99 in English words."""
    if n < 20:
        return UNITS[n]
    return TENS[n // 10] + (f"-{UNITS[n % 10]}" if n % 10 else "")


def chinese(n: int) -> str:
    """0 to 99 in Chinese numerals."""
    if n < 10:
        return DIGITS_ZH[n]
    tens = "十" if n < 20 else DIGITS_ZH[n // 10] + "十"
    return tens + (DIGITS_ZH[n % 10] if n % 10 else "")
