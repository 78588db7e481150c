"""Models that are told of no tools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autoglm_lite.chat.messages import Message, Tool, ToolUse
from autoglm_lite.chat.tools.format import CallGrammar, CallPiece, CallSplitter, Told
from autoglm_lite.chat.tools.functionary import as_text
from autoglm_lite.errors import UsageError


@dataclass(frozen=True, slots=True)
class NoTools:
    name: str = "none"
    controls: tuple[str, ...] = ()
    stops: tuple[str, ...] = ()

    def told(self, messages: Sequence[Message], tools: Sequence[Tool], /) -> Told:
        return as_text(messages, ())

    def splitter(self, tools: Sequence[Tool], /) -> CallSplitter:
        return _Whole()

    def grammar(self, use: ToolUse, /) -> CallGrammar:
        raise UsageError("This model has no chat template, so it cannot be told of tools: choose another model.")


class _Whole:
    def feed(self, text: str, /) -> list[CallPiece]:
        return [text] if text else []

    def close(self) -> list[CallPiece]:
        return []
