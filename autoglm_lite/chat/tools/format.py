"""What a model family's way of calling tools must offer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from autoglm_lite.chat.messages import Message, Tool, ToolUse


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


@dataclass(frozen=True, slots=True)
class CallGrammar:
    """What calls must look like: the fields of generation.Sampling that say so."""

    grammar: str
    grammar_after: tuple[str, ...] = ()
    grammar_at_start: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What a chat template is given, as Hugging Face's `apply_chat_template` takes it."""

    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]]


class ToolFormat(Protocol):
    """How models of one family are told of tools, and how they call them."""

    @property
    def name(self) -> str: ...

    @property
    def controls(self) -> tuple[str, ...]:
        """Control tokens that calls are made of, to be written out with their names."""

    @property
    def stops(self) -> tuple[str, ...]:
        """Texts before which an answer with calls ends, though the vocabulary may not call them ends."""

    def told(self, messages: Sequence[Message], tools: Sequence[Tool], /) -> Told:
        """Raises UsageError for calls whose arguments are no JSON object."""

    def splitter(self, tools: Sequence[Tool], /) -> CallSplitter: ...

    def grammar(self, use: ToolUse, /) -> CallGrammar:
        """What calls must follow: from the answer's first token on where they are required. Raises UsageError for a
        strict tool whose parameters cannot be enforced."""
