"""Something in the settings that cannot be used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tui.words.manners import Words


@dataclass(frozen=True, slots=True)
class Complaint:
    kind: Literal["unreadable", "not_toml", "unknown", "wrong"]
    path: str
    what: str
    """The name, the line or the reason."""
    choices: str = ""
    """What there is instead, apart by spaces."""


def sentence(complaint: Complaint, words: Words) -> str:
    """One, that says what to do."""
    pattern = {
        "unreadable": words.settings_unreadable,
        "not_toml": words.settings_not_toml,
        "unknown": words.settings_unknown,
        "wrong": words.settings_wrong,
    }[complaint.kind]
    choices = words.between.join(complaint.choices.split())
    return pattern.format(path=complaint.path, what=complaint.what, choices=choices)
