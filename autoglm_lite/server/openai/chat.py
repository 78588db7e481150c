"""POST /v1/chat/completions."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from starlette.responses import Response

from autoglm_lite.chat.events import Answer, Reasoning
from autoglm_lite.chat.exchange import Question, first_system
from autoglm_lite.chat.messages import Message
from autoglm_lite.generation import Finished, FinishReason
from autoglm_lite.server.endpoint import Call, answered
from autoglm_lite.server.streaming import EVENTS, Streamed, awaited, begun


class ChatMessage(msgspec.Struct):
    role: Literal["system", "user", "assistant"]
    content: str


class ChatRequest(msgspec.Struct):
    messages: Annotated[list[ChatMessage], Meta(min_length=1, max_length=2000)]
    model: str | None = None
    stream: bool = False
    max_tokens: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None


class Said(msgspec.Struct):
    role: str
    content: str
    reasoning_content: str = ""


class Usage(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Choice(msgspec.Struct):
    index: int
    message: Said
    finish_reason: str


class ChatCompletion(msgspec.Struct):
    id: str
    object: str
    created: int
    model: str
    choices: list[Choice]
    usage: Usage


REASONS: dict[FinishReason, str] = {"stop": "stop", "length": "length", "context": "length", "cancelled": "stop"}


async def chat_completions(call: Call) -> Response:
    if call.body.stream:
        return Streamed(await begun(_chunks(call)), EVENTS)
    return answered(await awaited(call.request, _whole(call)))


def _question(body: ChatRequest) -> Question:
    messages = first_system([Message(message.role, message.content) for message in body.messages])
    return Question(messages, max_tokens=body.max_tokens)


async def _whole(call: Call) -> ChatCompletion:
    question = _question(call.body)
    async with call.service.models.use(call.body.model) as resident:
        prepared = await resident.exchange.prepare(replace(question, sampling=resident.sampling))
        text, thoughts = [], []
        async with aclosing(resident.exchange.ask(prepared)) as events:
            async for event in events:
                if isinstance(event, Answer):
                    text.append(event.text)
                elif isinstance(event, Reasoning):
                    thoughts.append(event.text)
                elif isinstance(event, Finished):
                    last = event
        usage = Usage(last.prompt_tokens, last.completion_tokens, last.prompt_tokens + last.completion_tokens)
        said = Said("assistant", "".join(text), "".join(thoughts))
        choice = Choice(0, said, REASONS[last.reason])
        return ChatCompletion(
            f"chatcmpl-{secrets.token_hex(12)}",
            "chat.completion",
            int(time.time()),
            resident.name,
            [choice],
            usage,
        )


async def _chunks(call: Call) -> AsyncGenerator[bytes, None]:
    question = _question(call.body)
    async with call.service.models.use(call.body.model) as resident:
        prepared = await resident.exchange.prepare(replace(question, sampling=resident.sampling))
        begin = {"id": f"chatcmpl-{secrets.token_hex(12)}", "object": "chat.completion.chunk", "model": resident.name}
        async with aclosing(resident.exchange.ask(prepared)) as events:
            async for event in events:
                if isinstance(event, Answer):
                    choice = {"index": 0, "delta": {"content": event.text}, "finish_reason": None}
                elif isinstance(event, Finished):
                    choice = {"index": 0, "delta": {}, "finish_reason": REASONS[event.reason]}
                else:
                    continue
                yield b"data: " + msgspec.json.encode({**begin, "choices": [choice]}) + b"\n\n"
    yield b"data: [DONE]\n\n"
