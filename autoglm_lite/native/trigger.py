"""Watches an answer for the texts after which its grammar begins to hold."""

from __future__ import annotations

from collections.abc import Sequence

SPACE = b" \t\r\n"


class Trigger:
    """Of one answer. Works on bytes, since a token may begin or end in the middle of a character."""

    def __init__(self, texts: Sequence[str], *, at_start: bool) -> None:
        """`at_start`: the answer must begin with one of `texts`, after white space."""
        self._texts = [text.encode() for text in texts]
        self._at_start = at_start
        self._longest = max(map(len, self._texts))
        self._held = b""
        """What one of the texts may have begun in."""

    def end_in(self, data: bytes) -> int | None:
        """Where in `data`, what the next token stands for, the first of the texts ends; None where none does."""
        n_held, said = len(self._held), self._held + data
        if self._at_start:
            said = said.lstrip(SPACE)
            n_held -= n_held + len(data) - len(said)
            ends = [len(text) for text in self._texts if said.startswith(text)]
        else:
            ends = [at + len(text) for text in self._texts if (at := said.find(text)) >= 0]
        return min(ends) - n_held if ends else None

    def feed(self, data: bytes) -> bool:
        """Takes a token in which none ends. Whether one still may come."""
        self._held += data
        if self._at_start:
            self._held = self._held.lstrip(SPACE)
            return any(text.startswith(self._held) for text in self._texts)
        self._held = self._held[-self._longest :]
        return True
