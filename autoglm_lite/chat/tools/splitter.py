"""Tells the calls in an answer from its text, with a parser of the family's calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from autoglm_lite.chat.messages import Tool
from autoglm_lite.chat.tools.format import Begun, CallPiece
from autoglm_lite.chat.tools.source import SPACE, Parse, Source, partial


class Calls:
    """What a parser of calls works with: the text, the tools, and how many calls there were."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self.source = Source()
        self.tools: Mapping[str, Tool] = {tool.name: tool for tool in tools}
        self.longest = max(map(len, self.tools), default=0)
        """Characters of a name."""
        self.n = 0

    def begin(self, name: str) -> Begun:
        self.n += 1
        return Begun(self.n - 1, name)


CallParser = Callable[[Calls, str], Parse[bool]]
"""Reads what follows an opening, which it is given; False where that is no call: nothing was found then, nor
forgotten of the text, which is the answer's own."""


class Splitter:
    """White space around calls is dropped; all other text comes out unchanged."""

    def __init__(
        self, tools: Sequence[Tool], parser: CallParser, openings: Sequence[str], *, at_start: bool = False
    ) -> None:
        """`openings`: texts that calls begin with, none of which has a beginning of another within it. `at_start`: the
        answer may begin with a call that has none, for which the parser is given ""."""
        self._calls = Calls(tools)
        self._parser = parser
        self._openings = openings
        self._at_start = at_start
        self._parsing = self._parse()

    def feed(self, text: str, /) -> list[CallPiece]:
        self._calls.source.text += text
        return self._found()

    def close(self) -> list[CallPiece]:
        self._calls.source.ended = True
        return self._found()

    def _found(self) -> list[CallPiece]:
        found: list[CallPiece] = []
        for piece in self._parsing:
            if piece is None:
                break
            if piece != "":
                found.append(piece)
        return found

    def _parse(self) -> Parse[None]:
        source = self._calls.source
        if self._at_start:
            yield from source.space()
            if not (yield from self._parser(self._calls, "")):
                source.at = 0
        while (opening := (yield from self._text())) is not None:
            source.forget()
            yield from source.space()
            source.at += len(opening)
            begun = source.at
            if not (yield from self._parser(self._calls, opening)):
                source.at = begun
                yield source.text[:begun]
                source.forget()

    def _text(self) -> Parse[str | None]:
        """The answer's own text up to an opening and the white space before it; None at the end."""
        source = self._calls.source
        while True:
            text = source.rest()
            places = [(at, opening) for opening in self._openings if (at := text.find(opening)) >= 0]
            end, opening = min(places, default=(len(text) - partial(text, self._openings), None))
            end = len(text[:end].rstrip(SPACE))
            yield text[:end]
            source.at += end
            source.forget()
            if opening is not None:
                return opening
            if not (yield from source.more()):
                rest = source.rest()
                source.at += len(rest)
                yield "" if self._calls.n and not rest.strip(SPACE) else rest
                return None
