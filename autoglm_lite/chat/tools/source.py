"""An answer as a parser reads it, though it comes in pieces that may be cut anywhere.

Parsers are generators: they yield what they have found, or None where they need more text. What they decide depends on
the text alone, never on how much of it has come, so that the result is the same for every way of cutting it.
"""

from __future__ import annotations

from collections.abc import Collection, Generator
from typing import TypeVar

from autoglm_lite.chat.tools.format import CallPiece

T = TypeVar("T")
Parse = Generator[CallPiece | None, None, T]
"""Of a part of the text; returns what was read."""

SPACE = " \t\r\n"


class Source:
    """The text from the last place that a parser may want to go back to."""

    def __init__(self) -> None:
        self.text = ""
        self.at = 0
        self.ended = False
        """Whether no more text comes."""

    def more(self) -> Parse[bool]:
        """Waits for more text; False at the end."""
        length = len(self.text)
        while len(self.text) == length and not self.ended:
            yield None
        return len(self.text) > length

    def forget(self) -> None:
        """Nobody goes back before this place."""
        self.text, self.at = self.text[self.at :], 0

    def rest(self) -> str:
        return self.text[self.at :]

    def space(self) -> Parse[None]:
        """Goes past white space."""
        while True:
            while self.at < len(self.text) and self.text[self.at] in SPACE:
                self.at += 1
            if self.at < len(self.text) or not (yield from self.more()):
                return

    def literal(self, *texts: str) -> Parse[str]:
        """Goes past the first of `texts` that comes here; "" where none does."""
        while True:
            for text in texts:
                if self.text.startswith(text, self.at):
                    self.at += len(text)
                    return text
                if text.startswith(self.rest()):
                    break
            else:
                return ""
            if not (yield from self.more()):
                # What was waited for does not come; a later one may be here.
                found = next((text for text in texts if self.text.startswith(text, self.at)), "")
                self.at += len(found)
                return found

    def until(self, marks: Collection[str], most: int) -> Parse[str | None]:
        """The text before the first of `marks`, where it stops; None where none comes within `most` characters."""
        start, longest = self.at, max(map(len, marks))
        while (certain := len(self.text) - longest) < start + most:
            if any(start <= self.text.find(mark, start) <= certain for mark in marks):
                break
            if not (yield from self.more()):
                break
        places = [at for mark in marks if start <= (at := self.text.find(mark, start)) <= start + most]
        if not places:
            return None
        self.at = min(places)
        return self.text[start : self.at]


def partial(text: str, marks: Collection[str]) -> int:
    """How many characters at the end of `text` may be the beginning of one of `marks`."""
    longest = min(len(text), max(map(len, marks)) - 1)
    return next((n for n in range(longest, 0, -1) if any(mark.startswith(text[-n:]) for mark in marks)), 0)
