"""A whole answer of chat completions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from autoglm_lite.chat.events import Answer, AnswerEvent, CallArguments, CallBegun, CallEvent, Reasoning
from autoglm_lite.generation import Finished, TokenLogprob
from autoglm_lite.server.calling import call_id
from autoglm_lite.server.openai.completion import REASONS
from autoglm_lite.server.openai.logprobs import Logprob, logprob
from autoglm_lite.server.openai.tools import FunctionCall
from autoglm_lite.server.openai.usage import Tally, Timings, Usage

ChatReason = Literal["stop", "length", "tool_calls"]


class MadeCall(msgspec.Struct):
    id: str
    type: Literal["function"]
    function: FunctionCall


class Said(msgspec.Struct):
    role: Literal["assistant"]
    content: str | None
    """None where there are only calls."""
    refusal: None = None
    reasoning_content: str | msgspec.UnsetType = msgspec.UNSET
    tool_calls: list[MadeCall] | msgspec.UnsetType = msgspec.UNSET


class Logprobs(msgspec.Struct):
    content: list[Logprob]
    refusal: None = None


class Choice(msgspec.Struct):
    index: int
    message: Said
    logprobs: Logprobs | None
    finish_reason: ChatReason


class ChatCompletion(msgspec.Struct):
    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
    timings: Timings


def chat_reason(end: Finished, called: bool) -> ChatReason:
    """An answer that was cut off may have broken off in a call."""
    reason = REASONS[end.reason]
    return "tool_calls" if called and reason == "stop" else reason


def logprobs(given: Sequence[TokenLogprob]) -> Logprobs:
    return Logprobs([logprob(one) for one in given])


@dataclass(slots=True)
class _Parts:
    """Of one choice, as they come."""

    text: str = ""
    reasoning: str = ""
    calls: list[MadeCall] = field(default_factory=list)
    logprobs: list[TokenLogprob] = field(default_factory=list)
    end: Finished | None = None


class Whole:
    """Puts the events of an answer together."""

    def __init__(self, n: int) -> None:
        self.tally = Tally()
        self._parts = [_Parts() for _ in range(n)]

    def take(self, event: AnswerEvent | CallEvent) -> None:
        match event:
            case Answer():
                self._parts[event.choice].text += event.text
                self._parts[event.choice].logprobs += event.logprobs
            case Reasoning():
                self._parts[event.choice].reasoning += event.text
                self.tally.reasoning += event.n_tokens
            case CallBegun():
                self._parts[event.choice].calls.append(MadeCall(call_id(), "function", FunctionCall(event.name, "")))
            case CallArguments():
                self._parts[event.choice].calls[event.index].function.arguments += event.text
            case Finished():
                self._parts[event.choice].end = event
                self.tally.add(event)

    def choices(self, with_logprobs: bool) -> list[Choice]:
        """Once all have ended."""
        found = []
        for index, parts in enumerate(self._parts):
            said = Said("assistant", parts.text if parts.text or not parts.calls else None)
            said.reasoning_content = parts.reasoning or msgspec.UNSET
            said.tool_calls = parts.calls or msgspec.UNSET
            assert parts.end is not None
            reason = chat_reason(parts.end, bool(parts.calls))
            found.append(Choice(index, said, logprobs(parts.logprobs) if with_logprobs else None, reason))
        return found
