"""What a face sees of an answer, and what a model must offer to be talked to."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from autoglm_lite.generation import Event, Finished, GenerateRequest, Prefill, Waiting


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


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A piece of what the model thinks before it answers."""

    text: str
    n_tokens: int


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The conversation outgrew the context: the model no longer sees these many of its oldest turns."""

    turns: int


AnswerEvent = Waiting | Prefill | Reasoning | Answer | Finished
ChatEvent = Forgotten | AnswerEvent
