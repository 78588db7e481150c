"""Lines of text of every sort on which tokenizers are compared, the same ones every time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

STARTER = Path(__file__).parents[2] / "starter"

EMOJI = (
    *("🙂", "🚀", "🦙", "✅", "❤️", "👍🏽", "👨\u200d👩\u200d👧\u200d👦", "🏳️\u200d🌈", "🇩🇪🇨🇳"),
    *("😶\u200d🌫️", "🫠", "1️⃣", "☃", "⚠️", "🧑🏿\u200d💻", "✨✨✨"),
)
SPACES = (
    " ",
    "  ",
    "   ",
    "\t",
    "\t\t",
    " \t ",
    "\u00a0",
    "\u3000",
    "\u2003",
    "\u202f",
    "\u200b",
    "\r\n",
    "\n\n",
    "\n \n",
)
DIGITS = (
    "7",
    "12",
    "345",
    "6789",
    "31415926535",
    "3.14",
    "1,000,000",
    "0x1F",
    "١٢٣٤",
    "४५६७",
    "１２３",
    "½",
    "²",
    "Ⅷ",
    "㊿",
)
OTHERS = (
    *(
        "שלום עולם",
        "מִלָּה",
        "السلام عليكم",
        "مَرْحَبًا",
        "نماذج ٢٠٢٤",
        "אבג abc 123",
        "нещо на Български",
        "Ёлка",
        "Ελληνικά",
    ),
    *(
        "हिन्दी में",
        "ภาษาไทย",
        "한국어 문장",
        "日本語のテキスト、カタカナ",
        "កាន់តែពិសេសអាច",
        "Việt Nam",
        "naïve façade",
        "ÀÉÎ",
        "İstanbul",
    ),
    *("ǅ ǈ ǋ", "ªº", "ﬁn ﬂat", "𝔘𝔫𝔦", "𠮷野家", "ⅷⅸ", "\u0301\u0300", "e\u0301", "한", "\ufeffbom"),
)
CONTRACTIONS = (
    "it's",
    "IT'S",
    "we'Ve",
    "'RE",
    "a'lL",
    "I'd've",
    "don’t",
    "'tis",
    "o'clock",
    "''s",
    "' d",
    "x'm'll",
    "ſ'ſ",
)
SIGNS = (
    "...",
    "!!!???",
    "=======",
    "------",
    "()[]{}",
    "<|im_start|>",
    "</s>",
    "a/b//c",
    "://",
    "@#$%^&*",
    "“”‘’",
    "，。！？",
    "`````",
    "\\n",
)
CODE = (
    "def f(x: int) -> str:\n    return f'{x:>8}'\n",
    "\tif (a&&b) { x += 1; } // done",
    'for (int i = 0; i < 10; ++i) {\r\n        printf("%d\\n", i);\r\n}',
    "SELECT * FROM t WHERE id IN (1, 22, 333, 4444);",
    "#include <stdio.h>",
    "CamelCaseName snake_case_name kebab-case SHOUTING_CASE x1y2z3",
    "https://example.org/a?b=c&d=%20#e",
    "$ pip install -r requirements.txt  # comment",
    '{"key": [1, 2.5e-3, null, true]}',
    "\\frac{a_1}{b^2} \\le \\sum_{i=0}^{n} x_i",
)
CONTROLS = ("\x00", "\x07", "\x1b[0m", "\x7f", "\u0085", "\u2028", "\u200d", "\ufffd", "\U0010ffff", "\ue000")
ODD = (
    "",
    " ",
    "  ",
    "\n",
    "\t",
    "\r",
    "\r\n",
    " \n",
    "\n ",
    "a",
    " a",
    "a ",
    "aa" * 150,
    " " * 70,
    "的" * 90,
    "ab" * 99 + "a",
    "9" * 100,
)


def texts() -> list[str]:
    """The starter's text, Chinese and English, and lines of Python."""
    paths = sorted([*(STARTER / "text").glob("*.txt"), *STARTER.glob("*.py")])
    return [line for path in paths for line in path.read_text("utf-8").splitlines() if line.strip()]


def lines(count: int, seed: int = 7) -> list[str]:
    """All the odd texts above and, up to `count` in all, mixtures of everything; deterministic."""
    source, chance = texts(), random.Random(seed)
    fixed = [*ODD, *EMOJI, *DIGITS, *OTHERS, *CONTRACTIONS, *SIGNS, *CODE, *CONTROLS, *SPACES]
    mixed = _mixtures(source, chance)
    return [*fixed, *(next(mixed) for _ in range(count - len(fixed)))][:count]


def _mixtures(source: Sequence[str], chance: random.Random) -> Iterator[str]:
    def words() -> str:
        line = chance.choice(source).split(" ")
        start = chance.randrange(len(line))
        return " ".join(line[start : start + chance.randint(1, 6)])

    def piece() -> str:
        line = chance.choice(source)
        start = chance.randrange(len(line))
        return line[start : start + chance.randint(1, 12)]

    def number() -> str:
        return str(chance.randrange(10 ** chance.randint(1, 12)))

    def letter() -> str:
        return chr(
            chance.choice(
                [chance.randrange(0x20, 0x7F), chance.randrange(0xA0, 0x2000), chance.randrange(0x3000, 0xA000)]
            )
        )

    held = (EMOJI, DIGITS, OTHERS, CONTRACTIONS, SIGNS, CODE, CONTROLS, SPACES, SPACES, SPACES)
    makers: list[Callable[[], str]] = [words, piece, number, letter, *(partial(chance.choice, each) for each in held)]
    while True:
        yield chance.choice(source)
        yield "".join(chance.choice(makers)() for _ in range(chance.randint(2, 9)))
        yield " ".join(chance.choice(makers)() for _ in range(chance.randint(2, 6)))
