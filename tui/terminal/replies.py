"""What a terminal says of itself, and what was typed beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

QUESTIONS = "\x1b]11;?\x1b\\\x1b[c"
"""The background's colour (xterm's OSC 11), then what kind of terminal it is (DA1), which every terminal answers: once
that reply is there no other is still to come."""

_REPLY = re.compile(r"\x1b\](?P<osc>[^\x07\x1b]*)(?:\x07|\x1b\\)|\x1b\[(?P<kind>\?[0-9;]*)c")
_COLOUR = re.compile(r"11;rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})")
_DARK_NUMBERS = (*range(7), 8)
"""Of the 16 colours; xterm's 7 and 9 to 15 are light."""


@dataclass(frozen=True, slots=True)
class Replies:
    complete: bool
    """Whether nothing more is to come."""
    dark: bool | None
    """Of the background; None where it was not told."""
    typed: str
    """All else that came, in its order."""


def read_replies(text: str) -> Replies:
    complete, dark = False, None
    for match in _REPLY.finditer(text):
        complete = complete or match["kind"] is not None
        if colour := _COLOUR.match(match["osc"] or ""):
            dark = _is_dark(*(int(part, 16) / (16 ** len(part) - 1) for part in colour.groups()))
    return Replies(complete, dark, _REPLY.sub("", text))


def dark_by_environ(environ: Mapping[str, str]) -> bool | None:
    """By `COLORFGBG`, which rxvt and Konsole set: `15;0` or `0;default;15`. None where it does not say."""
    number = environ.get("COLORFGBG", "").rpartition(";")[2]
    return int(number) in _DARK_NUMBERS if number.isdecimal() else None


def _is_dark(red: float, green: float, blue: float) -> bool:
    """By the perceived lightness of ITU-R BT.601; shares of 1."""
    return 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
