"""The held-out questions: written by hand, never in the training text, each with a simple check of the answer."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from starter.dialogue import normalise

HELD_OUT = Path(__file__).parent.parent / "tests" / "starter" / "heldout.jsonl"


@dataclass(frozen=True)
class Question:
    """A held-out conversation: what the user says turn by turn, and what the last answer must contain."""

    language: str
    category: str
    turns: tuple[str, ...]
    any_of: tuple[str, ...]
    all_of: tuple[str, ...]

    def is_right(self, answer: str) -> bool:
        """Whether an answer passes the check."""
        return all(t in answer for t in self.all_of) and (not self.any_of or any(t in answer for t in self.any_of))


def read(path: Path = HELD_OUT) -> list[Question]:
    """The questions of a file with one JSON object a line."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        found.append(
            Question(
                item["lang"],
                item["category"],
                tuple(item["turns"]),
                tuple(item.get("any", ())),
                tuple(item.get("all", ())),
            )
        )
    return found


def forbidden(questions: Iterable[Question]) -> frozenset[str]:
    """Normalised single questions, which no training text may contain."""
    return frozenset(normalise(q.turns[0]) for q in questions if len(q.turns) == 1)


async def ask(question: Question, answer: Callable[[list[tuple[str, str]]], Awaitable[str]]) -> str:
    """Holds the conversation, (role, text) by (role, text), and returns the last answer."""
    messages: list[tuple[str, str]] = []
    for turn in question.turns:
        messages.append(("user", turn))
        messages.append(("assistant", await answer(messages)))
    return messages[-1][1]


def report(questions: list[Question], answers: list[str]) -> str:
    """The wrong answers, and the shares answered right by language and category."""
    asked: Counter[str] = Counter()
    right: Counter[str] = Counter()
    wrong = []
    for question, given in zip(questions, answers, strict=True):
        keys = ("all", question.language, question.category)
        asked.update(keys)
        if question.is_right(given):
            right.update(keys)
        else:
            wrong.append(f"WRONG {question.category} {' / '.join(question.turns)}\n   -> {given}")
    shares = [f"{key}: {right[key]} of {asked[key]} ({right[key] / asked[key]:.3f})" for key in asked]
    return "\n".join([*wrong, *shares])
