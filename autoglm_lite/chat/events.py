"""What a face sees of an answer, and what a model must offer to be talked to."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from autoglm_lite.generation import Event, Finished, GenerateRequest, Prefill, TokenLogprob, Waiting


class Generates(Protocol):
    """A loaded model; the worker's client is one (see there for what is raised)."""

    def generate(self, request: GenerateRequest, /) -> AsyncGenerator[Event, None]: ...

    async def tokenize(self, text: str, /, *, templated: bool) -> list[int]: ...

    async def cancel(self, request: GenerateRequest, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """A piece of the answer, made of `n_tokens` new tokens."""

    text: str
    n_tokens: int
    choice: int = 0
    """Which of a request's answers it belongs to."""
    logprobs: tuple[TokenLogprob, ...] = ()
    """Of tokens since the last piece, where they were asked for; a token held back may belong to the next text."""


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A piece of what the model thinks before it answers."""

    text: str
    n_tokens: int
    choice: int = 0
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True)
class CallBegun:
    """The model calls a tool: the `index`th call of this choice. Its arguments follow."""

    index: int
    name: str
    choice: int = 0
    n_tokens: int = 0
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True)
class CallArguments:
    """The next piece of a call's arguments; the pieces of one call, joined, are a JSON object unless the answer was
    cut off."""

    index: int
    text: str
    choice: int = 0
    n_tokens: int = 0
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The conversation outgrew the context: the model no longer sees these many of its oldest turns."""

    turns: int


AnswerEvent = Waiting | Prefill | Reasoning | Answer | Finished
CallEvent = CallBegun | CallArguments
ChatEvent = Forgotten | AnswerEvent
