"""POST /v1/chat/completions."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

from starlette.responses import Response

from autoglm_lite.chat.events import AnswerEvent, CallEvent
from autoglm_lite.chat.exchange import Question
from autoglm_lite.generation import Prefill, Waiting
from autoglm_lite.server import sse
from autoglm_lite.server.endpoint import Call, answered
from autoglm_lite.server.openai.answer import ChatCompletion, Whole
from autoglm_lite.server.openai.chunks import Chunks
from autoglm_lite.server.openai.errors import failed
from autoglm_lite.server.openai.question import ChatRequest, question
from autoglm_lite.server.openai.sampling import sampling
from autoglm_lite.server.streaming import awaited

Events = AsyncGenerator[AnswerEvent | CallEvent, None]


async def chat_completions(call: Call) -> Response:
    asked = await question(call.body)
    if call.body.stream:
        return await sse.streamed(call.request, _pieces(call, asked), failed)
    return answered(await awaited(call.request, _whole(call, asked)))


async def _whole(call: Call, asked: Question) -> ChatCompletion:
    whole = Whole(asked.n)
    async with _answering(call, asked) as (model, events):
        async for event in events:
            whole.take(event)
    choices = whole.choices(asked.logprobs is not None)
    tally = whole.tally
    return ChatCompletion(_id(), "chat.completion", int(time.time()), model, choices, tally.usage(), tally.timings())


async def _pieces(call: Call, asked: Question) -> AsyncGenerator[bytes | Waiting | Prefill, None]:
    body: ChatRequest = call.body
    async with _answering(call, asked) as (model, events):
        chunks = Chunks(_id(), model, body)
        async for event in events:
            for chunk in chunks.take(event):
                yield sse.data(chunk)
            if isinstance(event, Waiting | Prefill):
                yield event
        if body.stream_options is not None and body.stream_options.include_usage:
            yield sse.data(chunks.usage())
    yield sse.DONE


@asynccontextmanager
async def _answering(call: Call, asked: Question) -> AsyncIterator[tuple[str, Events]]:
    """The model's name, and the events of the answer."""
    async with call.service.models.use(call.body.model) as resident:
        samples = sampling(call.body, resident.sampling, asked.sampling.grammar)
        prepared = await resident.exchange.prepare(replace(asked, sampling=samples))
        async with aclosing(resident.exchange.ask(prepared)) as events:
            yield resident.name, events


def _id() -> str:
    return f"chatcmpl-{secrets.token_hex(12)}"
