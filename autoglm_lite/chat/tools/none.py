"""Models that are told of no tools."""

from __future__ import annotations

from collections.abc import Sequence

from autoglm_lite.chat.messages import Tool, ToolUse
from autoglm_lite.chat.tools.format import CallPiece, CallSplitter
from autoglm_lite.errors import UsageError


class NoTools:
    name = "none"

    def splitter(self, tools: Sequence[Tool], /) -> CallSplitter:
        return _Whole()

    def grammar(self, use: ToolUse, /) -> tuple[str, tuple[str, ...]]:
        raise UsageError("This model has no chat template, so it cannot be told of tools: choose another model.")


class _Whole:
    def feed(self, text: str, /) -> list[CallPiece]:
        return [text] if text else []

    def close(self) -> list[CallPiece]:
        return []
