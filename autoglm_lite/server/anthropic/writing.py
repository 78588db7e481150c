"""From the model's events to those of a message, and from these to the message."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import Any

from autoglm_lite.chat import events as chat
from autoglm_lite.generation import Finished, FinishReason, Prefill, Waiting
from autoglm_lite.server.anthropic.answers import (
    BlockDelta,
    BlockStart,
    BlockStop,
    Content,
    Delta,
    Event,
    InputDelta,
    Message,
    MessageDelta,
    MessageStart,
    MessageStop,
    SignatureDelta,
    Stop,
    StopReason,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolUse,
    Usage,
)

SIGNATURE = "autoglm-lite"
"""Of what the model thought; clients hand back only what is signed."""
REASONS: dict[FinishReason, StopReason] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "context": "model_context_window_exceeded",
    "cancelled": "end_turn",
}


class Writer:
    """Of one message."""

    def __init__(self, model: str, n_prompt_tokens: int, *, thoughts: bool = True) -> None:
        """`thoughts`: whether what the model thinks is shown."""
        self._model = model
        self._n_prompt = n_prompt_tokens
        self._thoughts = thoughts
        self._begun = False
        self._open: type[Text | Thinking | ToolUse] | None = None
        self._index = -1
        self._called = False

    def take(self, event: chat.AnswerEvent | chat.CallEvent) -> Iterable[Event | Waiting | Prefill]:
        if not self._begun:
            self._begun = True
            yield MessageStart(self._start(event.cached if isinstance(event, Prefill) else 0))
        if isinstance(event, Waiting | Prefill):
            yield event
        elif isinstance(event, chat.Reasoning):
            yield from self._say(Thinking("", ""), ThinkingDelta(event.text) if self._thoughts else None)
        elif isinstance(event, chat.Answer) and event.text:
            yield from self._say(Text(""), TextDelta(event.text))
        elif isinstance(event, chat.CallBegun):
            self._called = True
            yield from self._close()
            yield from self._say(ToolUse(f"toolu_{secrets.token_hex(12)}", event.name, {}), None)
        elif isinstance(event, chat.CallArguments):
            yield BlockDelta(self._index, InputDelta(event.text))
        elif isinstance(event, Finished):
            yield from self._close()
            yield from self._end(event)

    def _start(self, n_cached: int) -> Message:
        return Message(
            id=f"msg_{secrets.token_hex(12)}",
            model=self._model,
            content=[],
            stop_reason=None,
            stop_sequence=None,
            usage=Usage(self._n_prompt - n_cached, 0, n_cached),
        )

    def _say(self, block: Content, delta: Delta | None) -> Iterable[Event]:
        if self._open is not type(block):
            yield from self._close()
            self._open = type(block)
            self._index += 1
            yield BlockStart(self._index, block)
        if delta is not None:
            yield BlockDelta(self._index, delta)

    def _close(self) -> Iterable[Event]:
        if self._open is Thinking:
            yield BlockDelta(self._index, SignatureDelta(SIGNATURE))
        if self._open is not None:
            yield BlockStop(self._index)
        self._open = None

    def _end(self, event: Finished) -> Iterable[Event]:
        reason, sequence = REASONS[event.reason], None
        if event.reason == "stop":
            if event.stopped_by is not None:
                reason, sequence = "stop_sequence", event.stopped_by
            elif self._called:
                reason = "tool_use"
        usage = Usage(event.prompt_tokens - event.cached_tokens, event.completion_tokens, event.cached_tokens)
        yield MessageDelta(Stop(reason, sequence), usage)
        yield MessageStop()


async def whole(events: AsyncGenerator[Event | Waiting | Prefill, None]) -> Message:
    """The message that `events` make. A call that was cut off is left out."""
    message: Message | None = None
    pieces: dict[int, list[str]] = {}
    blocks: dict[int, Content] = {}
    async with aclosing(events):
        async for event in events:
            if isinstance(event, MessageStart):
                message = event.message
            elif isinstance(event, BlockStart):
                blocks[event.index], pieces[event.index] = event.content_block, []
            elif isinstance(event, BlockDelta):
                pieces[event.index].append(_text(event.delta))
            elif isinstance(event, MessageDelta) and message is not None:
                message.stop_reason, message.stop_sequence = event.delta.stop_reason, event.delta.stop_sequence
                message.usage = event.usage
    assert message is not None
    filled = [_filled(block, "".join(pieces[index])) for index, block in blocks.items()]
    message.content = [block for block in filled if block is not None]
    return message


def _text(delta: Delta) -> str:
    if isinstance(delta, TextDelta):
        return delta.text
    if isinstance(delta, ThinkingDelta):
        return delta.thinking
    return delta.partial_json if isinstance(delta, InputDelta) else ""


def _filled(block: Content, text: str) -> Content | None:
    if isinstance(block, Text):
        return Text(text)
    if isinstance(block, Thinking):
        return Thinking(text, SIGNATURE)
    try:
        arguments: Any = json.loads(text or "{}")
    except ValueError:
        return None
    return ToolUse(block.id, block.name, arguments) if isinstance(arguments, dict) else None
