"""The text of a JSON object in a stream: where it ends, or where it stops being JSON."""

from __future__ import annotations

import re
from typing import Literal

from autoglm_lite.chat.tools.format import Arguments
from autoglm_lite.chat.tools.source import Parse, Source

MAX_DEPTH = 200
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_SPACE = re.compile(r"[ \t\r\n]*")
_WORD = re.compile(r"[-+.0-9A-Za-z]*")
_VALUE = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?|true|false|null")

State = Literal[
    "begin", "value", "first item", "key", "first key", "colon", "after", "string", "escape", "hex", "word", "end"
]


class JsonText:
    """Follows one JSON object, as RFC 8259 writes it, through pieces of text."""

    def __init__(self) -> None:
        self.done = self.broken = False
        self._state: State = "begin"
        self._open = ""
        """The brackets that are open."""
        self._is_key = False
        self._word = ""
        self._n_hex = 0

    def take(self, text: str, at: int) -> int:
        """Goes on from `at`; returns where it stopped: at the end of `text`, after the object (`done`), or before the
        character that cannot stand there (`broken`)."""
        while at < len(text) and not self.done:
            if self._state == "string":
                at = _end(_PLAIN, text, at)
            elif self._state == "word":
                end = _end(_WORD, text, at)
                self._word += text[at:end]
                at = end
                if at < len(text):
                    self.broken = not _VALUE.fullmatch(self._word)
                    self._state = "after"
            if self._state not in ("string", "escape", "hex", "word"):
                at = _end(_SPACE, text, at)
            if at < len(text) and not self.broken:
                self.broken = not self._step(text[at])
                at += not self.broken and self._state != "word"
            if self.broken:
                break
        return at

    def _step(self, char: str) -> bool:
        """Whether `char` may stand here. The first character of a word is left to be taken with the others."""
        match self._state:
            case "string":
                if char == '"':
                    self._state = "colon" if self._is_key else "after"
                else:
                    self._state = "escape"
                return char in '"\\'
            case "escape":
                self._state, self._n_hex = ("hex", 4) if char == "u" else ("string", 0)
                return char in 'u"\\/bfnrt'
            case "hex":
                self._n_hex -= 1
                self._state = "hex" if self._n_hex else "string"
                return char in "0123456789abcdefABCDEF"
            case "colon":
                self._state = "value"
                return char == ":"
            case "key" | "first key":
                if char == "}" and self._state == "first key":
                    return self._close()
                self._state, self._is_key = "string", True
                return char == '"'
            case "after":
                if char == ",":
                    self._state = "key" if self._open[-1] == "{" else "value"
                    return True
                return char in "]}" and self._open[-1] + char in ("[]", "{}") and self._close()
            case "first item" if char == "]":
                return self._close()
            case "begin" if char != "{":
                return False
        return self._value(char)

    def _value(self, char: str) -> bool:
        if char in "{[":
            self._open += char
            self._state = "first key" if char == "{" else "first item"
            return len(self._open) <= MAX_DEPTH
        if char == '"':
            self._state, self._is_key = "string", False
            return True
        self._state, self._word = "word", ""
        return char in "-0123456789tfn"

    def _close(self) -> bool:
        self._open = self._open[:-1]
        self._state = "after" if self._open else "end"
        self.done = not self._open
        return True


def stream_object(source: Source, index: int) -> Parse[bool]:
    """Gives an object out as the arguments of a call as it comes; whether it came to its end."""
    json = JsonText()
    while True:
        start, source.at = source.at, json.take(source.text, source.at)
        if source.at > start:
            yield Arguments(index, source.text[start : source.at])
        source.forget()
        if json.done or json.broken or not (yield from source.more()):
            return json.done


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return at if found is None else found.end()
