"""Commands that are typed: a slash and a word at the beginning of the box."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tui.actions.action import Action

COMMAND = re.compile(r"/([\w-]+)(?:[ \t]+(\S.*))?\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Command:
    action: Action
    text: str
    """What follows the word."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """It looks like a command and is none."""

    word: str


def parse(typed: str, actions: Iterable[Action]) -> Command | Unknown | None:
    """None for what is plainly text: no slash at the beginning, another slash in the first word, as in a path, or a
    path of one name that exists."""
    match = COMMAND.fullmatch(typed)
    if match is None:
        return None
    word, text = match[1].lower(), (match[2] or "").rstrip()
    for action in actions:
        if word in (action.word, action.id):
            return Command(action, text)
    if Path(f"/{match[1]}").exists():
        return None
    return Unknown(match[1])
