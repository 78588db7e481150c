"""Texts that go with a question, such as files."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

NAME_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Attachment:
    """`name` as the person knows it, mostly a file's; any characters may be in both."""

    name: str
    text: str


def with_attachments(question: str, attachments: Sequence[Attachment]) -> str:
    """What the model reads: each attachment under its name, in a fence that nothing in it can close, then the
    question."""
    written = [f"{one_line(one.name)}:\n{fenced(one.text)}" for one in attachments]
    return "\n\n".join([*written, question] if question else written)


def fenced(text: str) -> str:
    """`text` as a code block of Markdown, with a fence longer than any run of backticks in it."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}\n{text}\n{fence}" if text else f"{fence}\n{fence}"


def one_line(name: str) -> str:
    """A name that cannot pass for more than a name: one line of at most 200 characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())[:NAME_CHARACTERS]


def to_json(attachments: Sequence[Attachment]) -> str:
    return json.dumps([{"name": one.name, "text": one.text} for one in attachments], ensure_ascii=False)


def from_json(written: str) -> tuple[Attachment, ...]:
    return tuple(Attachment(one["name"], one["text"]) for one in json.loads(written))
