"""POST /v1/messages and /v1/messages/count_tokens."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from starlette.responses import Response

from autoglm_lite.chat.exchange import Question
from autoglm_lite.errors import PromptTooLongError
from autoglm_lite.generation import Prefill, Sampling, Waiting
from autoglm_lite.server import wishes
from autoglm_lite.server.anthropic.answers import Counted, Event, Ping, server_sent
from autoglm_lite.server.anthropic.conversation import question
from autoglm_lite.server.anthropic.errors import error
from autoglm_lite.server.anthropic.request import MessagesRequest, ThinkingAdaptive, ThinkingEnabled
from autoglm_lite.server.anthropic.writing import Writer, whole
from autoglm_lite.server.continuing import prepare
from autoglm_lite.server.endpoint import Call, answered
from autoglm_lite.server.failures import Failure
from autoglm_lite.server.sse import streamed
from autoglm_lite.server.streaming import awaited


async def messages(call: Call) -> Response:
    body: MessagesRequest = call.body
    asked = replace(
        question(body),
        max_tokens=body.max_tokens,
        stop=tuple(body.stop_sequences or ()),
    )
    if body.stream:
        return await streamed(call.request, _lines(_events(call, asked)), _line, sign=lambda words: server_sent(Ping()))
    return answered(await awaited(call.request, whole(_events(call, asked))))


async def count_tokens(call: Call) -> Response:
    """Those of the prompt as the model is given it, tools included; also of one that does not fit."""
    return answered(Counted(await awaited(call.request, _count(call, question(call.body)))))


async def _count(call: Call, asked: Question) -> int:
    async with call.service.models.use(call.body.model) as resident:
        try:
            return (await prepare(resident.exchange, asked)).n_prompt_tokens
        except PromptTooLongError as too_long:
            if too_long.n_tokens is None:
                raise
            return too_long.n_tokens


async def _events(call: Call, asked: Question) -> AsyncGenerator[Event | Waiting | Prefill, None]:
    body: MessagesRequest = call.body
    async with call.service.models.use(body.model) as resident:
        asked = replace(asked, sampling=await _sampling(body, resident.sampling))
        prepared = await prepare(resident.exchange, asked)
        writer = Writer(resident.name, prepared.n_prompt_tokens, thoughts=_shows_thoughts(body), stops=asked.stop)
        async with aclosing(resident.exchange.ask(prepared)) as events:
            async for event in events:
                for made in writer.take(event):
                    yield made


async def _sampling(body: MessagesRequest, advised: Sampling) -> Sampling:
    """Raises UsageError for a schema that cannot be enforced."""
    form = (body.output_config.format if body.output_config else None) or body.output_format
    grammar = None if form is None else await wishes.schema_grammar(form.schema)
    return wishes.sampling(advised, temperature=body.temperature, top_p=body.top_p, top_k=body.top_k, grammar=grammar)


def _shows_thoughts(body: MessagesRequest) -> bool:
    return not (isinstance(body.thinking, ThinkingEnabled | ThinkingAdaptive) and body.thinking.display == "omitted")


async def _lines(
    events: AsyncGenerator[Event | Waiting | Prefill, None],
) -> AsyncGenerator[bytes | Waiting | Prefill, None]:
    async with aclosing(events):
        async for event in events:
            yield event if isinstance(event, Waiting | Prefill) else server_sent(event)


def _line(failure: Failure) -> bytes:
    return server_sent(error(failure))
