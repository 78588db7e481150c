"""Phrasings as a small grammar: `{a|b}` chooses, `<name>` takes from a list, lines of a text file belong to intents.

The marks at the start of a line are explained in text/en_program.txt.
"""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass, field
from pathlib import Path

TEXT = Path(__file__).parent / "text"
LANGUAGES = ("en", "zh")
FILES = ("program", "computer", "talk", "other")
LIST = re.compile(r"<(\w+)>")


@dataclass(frozen=True)
class Choice:
    """One of several sequences."""

    options: tuple[tuple[str | Choice, ...], ...]


Node = str | Choice
Sequence = tuple[Node, ...]


@dataclass(frozen=True)
class Pattern:
    """A parsed phrasing."""

    sequence: Sequence
    weight: float

    def expand(self, rng: random.Random) -> str:
        """One phrasing, chosen at random."""
        return _expand(self.sequence, rng)


@dataclass
class Intent:
    """One thing people ask, in one language: how they ask it, what is answered, and what they may ask next."""

    name: str
    questions: list[Pattern] = field(default_factory=list)
    wishes: list[Pattern] = field(default_factory=list)
    things: list[Pattern] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    follow_ups: list[tuple[Pattern, str]] = field(default_factory=list)

    def ask(self, rng: random.Random, frames: dict[str, Intent]) -> str:
        """One way to ask this."""
        kinds = [(p, "") for p in self.questions]
        kinds += [(p, "do") for p in self.wishes] + [(p, "what") for p in self.things]
        # A wish or a thing multiplies with its frames, so it stands for more phrasings than its own.
        weights = [p.weight + (6.0 if kind else 0.0) for p, kind in kinds]
        pattern, kind = rng.choices(kinds, weights)[0]
        phrase = pattern.expand(rng)
        if not kind:
            return phrase
        frame = frames[kind]
        sentence = rng.choices(frame.questions, [p.weight for p in frame.questions])[0].expand(rng)
        return sentence.replace("@", phrase)


def parse(text: str, lists: dict[str, Sequence]) -> Pattern:
    """Parses a phrasing; raises ValueError where a brace or a list name is wrong."""
    sequence, end = _parse_sequence(text, 0, lists, top=True)
    if end != len(text):
        raise ValueError(f"unbalanced braces: {text}")
    return Pattern(sequence, math.log2(1 + _count(sequence)))


def load(language: str) -> tuple[dict[str, Intent], dict[str, Intent]]:
    """All intents of a language, and its frames under the names "do" and "what"."""
    intents: dict[str, Intent] = {}
    for name in FILES:
        intents.update(_load_file(TEXT / f"{language}_{name}.txt"))
    frames = _load_file(TEXT / "frames.txt")
    return intents, {kind: frames[f"{language}_{kind}"] for kind in ("do", "what")}


def phrases(name: str) -> dict[str, tuple[str, ...]]:
    """The named lists of lines in text/`name`.txt, not parsed."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in (TEXT / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        mark, _, rest = line.partition(" ")
        if mark == "=":
            lines = found.setdefault(rest, [])
        elif mark == "?":
            lines.append(rest)
    return {key: tuple(value) for key, value in found.items()}


def _load_file(path: Path) -> dict[str, Intent]:
    lists: dict[str, Sequence] = {}
    intents: dict[str, Intent] = {}
    intent = Intent("")
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        mark, _, rest = line.partition(" ")
        try:
            if mark == "%":
                name, _, options = rest.partition("=")
                lists[name.strip()] = parse("{" + options.strip() + "}", lists).sequence
            elif mark == "=":
                intent = Intent(rest.strip())
                intents[intent.name] = intent
            elif mark == "?":
                intent.questions.append(parse(rest, lists))
            elif mark == "^":
                intent.wishes.append(parse(rest, lists))
            elif mark == "~":
                intent.things.append(parse("{" + rest + "}", lists))
            elif mark == "!":
                intent.answers.append(rest)
            elif mark == ">":
                question, _, target = rest.rpartition("=>")
                intent.follow_ups.append((parse(question.strip(), lists), target.strip()))
            elif mark not in ("", "#"):
                raise ValueError(f"unknown mark {mark!r}")
        except ValueError as error:
            raise ValueError(f"{path.name}:{number}: {error}") from error
    return intents


def _parse_sequence(text: str, at: int, lists: dict[str, Sequence], top: bool = False) -> tuple[Sequence, int]:
    nodes: list[Node] = []
    while at < len(text):
        char = text[at]
        if char == "{":
            options = []
            while text[at] in "{|":
                option, at = _parse_sequence(text, at + 1, lists)
                options.append(option)
                if at >= len(text):
                    raise ValueError(f"missing closing brace: {text}")
            nodes.append(Choice(tuple(options)))
            at += 1
        elif not top and char in "|}":
            break
        elif char == "<" and (match := LIST.match(text, at)):
            if match[1] not in lists:
                raise ValueError(f"unknown list {match[1]}")
            nodes.extend(lists[match[1]])
            at = match.end()
        elif char in "|}":
            raise ValueError(f"unexpected {char!r}: {text}")
        else:
            end = at + 1
            while end < len(text) and text[end] not in "{|}<":
                end += 1
            nodes.append(text[at:end])
            at = end
    return tuple(nodes), at


def _expand(sequence: Sequence, rng: random.Random) -> str:
    return "".join(n if isinstance(n, str) else _expand(rng.choice(n.options), rng) for n in sequence)


def _count(sequence: Sequence) -> int:
    return math.prod(sum(_count(o) for o in n.options) for n in sequence if isinstance(n, Choice))
