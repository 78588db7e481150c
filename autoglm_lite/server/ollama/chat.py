"""POST /api/chat."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import msgspec
from starlette.responses import Response

from autoglm_lite.chat.exchange import Question
from autoglm_lite.generation import Finished, Prefill, Waiting
from autoglm_lite.server.calling import tool_use
from autoglm_lite.server.continuing import prepare
from autoglm_lite.server.endpoint import Call, answered
from autoglm_lite.server.limits import Name, TopLogprobs
from autoglm_lite.server.ollama.answers import ChatAnswer, Clock, DoneReason, Said, logprobs, streamed, timestamp
from autoglm_lite.server.ollama.keeping import KeepAlive, keep, seconds, unload
from autoglm_lite.server.ollama.messages import Messages, Tools, messages, tools
from autoglm_lite.server.ollama.options import Format, Options, Think, sampling, thinking
from autoglm_lite.server.ollama.writing import Written, writing
from autoglm_lite.server.resident import Resident
from autoglm_lite.server.streaming import awaited


class ChatRequest(msgspec.Struct):
    model: Name | None = None
    messages: Messages | None = None
    """None: the model is loaded, or unloaded where `keep_alive` is 0."""
    tools: Tools | None = None
    format: Format = None
    think: Think = None
    options: Options | None = None
    keep_alive: KeepAlive = None
    stream: bool | None = None
    """Unless it is false."""
    logprobs: bool | None = None
    top_logprobs: TopLogprobs | None = None


async def chat(call: Call) -> Response:
    body: ChatRequest = call.body
    if not body.messages:
        reason = await awaited(call.request, moved(call, body.model, body.keep_alive))
        said = Said("assistant", "")
        return answered(
            ChatAnswer(model=body.model or "", created_at=timestamp(), done=True, done_reason=reason, message=said)
        )
    question = _question(body)
    if body.stream is False:
        return answered(await awaited(call.request, _whole(call, question)))
    clock = Clock(body.model)
    return await streamed(call.request, _answers(call, question, clock), lambda: _silent(clock))


async def moved(call: Call, asked: str | None, kept: KeepAlive) -> DoneReason:
    """Has the model loaded, or unloaded where it is not to be kept at all. Raises as Models.use does."""
    models = call.service.models
    if kept is not None and seconds(kept) == 0:
        await unload(models, asked)
        return "unload"
    async with models.use(asked) as resident:
        keep(models, resident, kept)
    return "load"


def _question(body: ChatRequest) -> Question:
    options = body.options or Options()
    switch, thinking_tokens = thinking(body.think)
    return Question(
        messages(body.messages or ()),
        tool_use=tool_use(tools(body.tools or ())),
        max_tokens=options.max_tokens,
        stop=tuple(options.stop or ()),
        logprobs=(body.top_logprobs or 0) if body.logprobs else None,
        thinking=switch,
        thinking_tokens=thinking_tokens,
    )


def _silent(clock: Clock) -> ChatAnswer:
    return ChatAnswer(**clock.piece(), message=Said("assistant", ""))


async def _answers(
    call: Call, question: Question, clock: Clock
) -> AsyncGenerator[ChatAnswer | Waiting | Prefill, None]:
    body: ChatRequest = call.body

    async def write(resident: Resident) -> Written:
        wanted = await sampling(resident.sampling, body.options or Options(), body.format)
        return resident.exchange.ask(await prepare(resident.exchange, replace(question, sampling=wanted)))

    pieces = writing(call.service.models, body.model, body.keep_alive, clock, write)
    async with aclosing(pieces):
        async for piece in pieces:
            if isinstance(piece, Waiting | Prefill):
                yield piece
                continue
            if isinstance(piece, Finished):
                yield ChatAnswer(**clock.end(piece), message=Said("assistant", ""))
                continue
            said = Said("assistant", piece.text, piece.thinking, list(piece.calls))
            yield ChatAnswer(**clock.piece(), message=said, logprobs=logprobs(piece.logprobs))


async def _whole(call: Call, question: Question) -> ChatAnswer:
    pieces = _answers(call, question, Clock(call.body.model))
    answers = [piece async for piece in pieces if isinstance(piece, ChatAnswer)]
    last = answers[-1]
    last.message.content = "".join(answer.message.content for answer in answers)
    last.message.thinking = "".join(answer.message.thinking for answer in answers)
    last.message.tool_calls = [called for answer in answers for called in answer.message.tool_calls]
    last.logprobs = [one for answer in answers for one in answer.logprobs]
    return last
