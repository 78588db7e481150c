"""What a model family's way of calling tools must offer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from autoglm_lite.chat.messages import Tool, ToolUse


@dataclass(frozen=True, slots=True)
class Begun:
    """The `index`th call of an answer, counted from 0."""

    index: int
    name: str


@dataclass(frozen=True, slots=True)
class Arguments:
    """The next piece of its arguments: pieces of one call, joined, are the text of a JSON object."""

    index: int
    text: str


CallPiece = str | Begun | Arguments
"""A text is the answer's own."""


class CallSplitter(Protocol):
    """Takes an answer in pieces and gives the calls in it apart from the rest. What comes out, joined, does not depend
    on where the text was cut."""

    def feed(self, text: str, /) -> list[CallPiece]:
        """What is certain after `text`; no text is empty."""

    def close(self) -> list[CallPiece]:
        """What was held back, once no more text comes."""


class ToolFormat(Protocol):
    """How models of one family are told of tools, and how they call them."""

    name: str

    def splitter(self, tools: Sequence[Tool], /) -> CallSplitter: ...

    def grammar(self, use: ToolUse, /) -> tuple[str, tuple[str, ...]]:
        """GBNF that calls must follow, and the texts of which one comes before the grammar begins to hold: none where
        it holds from the answer's first token (see generation.Sampling). Raises UsageError for parameters whose
        schema cannot be enforced."""
