"""An answer of chat completions in pieces."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from autoglm_lite.chat.events import Answer, AnswerEvent, CallArguments, CallBegun, CallEvent, Reasoning
from autoglm_lite.generation import Finished, Prefill, TokenLogprob, Waiting
from autoglm_lite.server.calling import call_id
from autoglm_lite.server.openai.answer import ChatReason, Logprobs, chat_reason, logprobs
from autoglm_lite.server.openai.question import ChatRequest
from autoglm_lite.server.openai.usage import PromptProgress, Tally, Timings, Usage, prompt_progress


class FunctionDelta(msgspec.Struct):
    arguments: str
    name: str | msgspec.UnsetType = msgspec.UNSET


class CallDelta(msgspec.Struct):
    """The first of a call has its id and its name; those that follow, the next pieces of its arguments."""

    index: int
    function: FunctionDelta
    id: str | msgspec.UnsetType = msgspec.UNSET
    type: Literal["function"] | msgspec.UnsetType = msgspec.UNSET


class Delta(msgspec.Struct):
    role: Literal["assistant"] | msgspec.UnsetType = msgspec.UNSET
    content: str | msgspec.UnsetType = msgspec.UNSET
    reasoning_content: str | msgspec.UnsetType = msgspec.UNSET
    tool_calls: list[CallDelta] | msgspec.UnsetType = msgspec.UNSET


class ChunkChoice(msgspec.Struct):
    index: int
    delta: Delta
    logprobs: Logprobs | None = None
    finish_reason: ChatReason | None = None


class ChatChunk(msgspec.Struct):
    """One event of a stream; the last may have no choices and the usage."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: Usage | msgspec.UnsetType = msgspec.UNSET
    timings: Timings | msgspec.UnsetType = msgspec.UNSET
    prompt_progress: PromptProgress | msgspec.UnsetType = msgspec.UNSET


class Chunks:
    """Makes them of the events of one request."""

    def __init__(self, id: str, model: str, body: ChatRequest) -> None:
        self._head = id, int(time.time()), model
        self._body = body
        self._n = body.n or 1
        self._began = time.monotonic()
        self._opened = False
        self._called = [False] * self._n
        self._tally = Tally()

    def take(self, event: AnswerEvent | CallEvent) -> Iterator[ChatChunk]:
        if not self._opened:
            self._opened = True
            for index in range(self._n):
                yield self._chunk(ChunkChoice(index, Delta("assistant", "")))
        match event:
            case Waiting() | Prefill():
                if self._body.return_progress:
                    chunk = self._chunk(ChunkChoice(0, Delta()))
                    chunk.prompt_progress = prompt_progress(event, time.monotonic() - self._began)
                    yield chunk
            case Answer():
                yield self._chunk(ChunkChoice(event.choice, Delta(content=event.text), self._logprobs(event.logprobs)))
            case Reasoning():
                self._tally.reasoning += event.n_tokens
                yield self._chunk(ChunkChoice(event.choice, Delta(reasoning_content=event.text)))
            case CallBegun():
                self._called[event.choice] = True
                function = FunctionDelta("", event.name)
                yield self._called_for(event.choice, CallDelta(event.index, function, call_id(), "function"))
            case CallArguments():
                yield self._called_for(event.choice, CallDelta(event.index, FunctionDelta(event.text)))
            case Finished():
                self._tally.add(event)
                reason = chat_reason(event, self._called[event.choice])
                chunk = self._chunk(ChunkChoice(event.choice, Delta(), None, reason))
                if not event.n_left:
                    chunk.timings = self._tally.timings()
                yield chunk

    def usage(self) -> ChatChunk:
        chunk = self._chunk()
        chunk.usage = self._tally.usage()
        return chunk

    def _called_for(self, choice: int, call: CallDelta) -> ChatChunk:
        return self._chunk(ChunkChoice(choice, Delta(tool_calls=[call])))

    def _logprobs(self, given: Sequence[TokenLogprob]) -> Logprobs | None:
        return logprobs(given) if self._body.logprobs else None

    def _chunk(self, *choices: ChunkChoice) -> ChatChunk:
        id, created, model = self._head
        return ChatChunk(id, "chat.completion.chunk", created, model, list(choices))
