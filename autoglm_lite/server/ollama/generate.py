"""POST /api/generate."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response

from autoglm_lite.chat.exchange import Prepared, Question
from autoglm_lite.chat.messages import Message
from autoglm_lite.errors import UsageError
from autoglm_lite.generation import Finished, GenerateRequest, Prefill, Waiting
from autoglm_lite.server.endpoint import Call, answered
from autoglm_lite.server.limits import Name, TopLogprobs
from autoglm_lite.server.ollama.answers import Clock, GenerateAnswer, logprobs, streamed, timestamp
from autoglm_lite.server.ollama.chat import moved
from autoglm_lite.server.ollama.keeping import KeepAlive
from autoglm_lite.server.ollama.messages import Images, refuse_images
from autoglm_lite.server.ollama.options import Format, Options, Think, sampling, thinking
from autoglm_lite.server.ollama.writing import Written, writing
from autoglm_lite.server.resident import Resident
from autoglm_lite.server.streaming import awaited
from autoglm_lite.server.tokens import MOST_TOKENS
from autoglm_lite.worker.client import Worker

Context = Annotated[list[Annotated[int, Meta(ge=0, le=2**31 - 1)]], Meta(max_length=MOST_TOKENS)]
"""A conversation as tokens."""


class GenerateBody(msgspec.Struct):
    model: Name | None = None
    prompt: str | None = None
    """None: the model is loaded, or unloaded where `keep_alive` is 0."""
    system: str | None = None
    raw: bool | None = None
    """The prompt is what the model continues, control tokens in it included."""
    suffix: str | None = None
    template: str | None = None
    context: Context | None = None
    """What came with the answer before this prompt."""
    images: Images | None = None
    format: Format = None
    think: Think = None
    options: Options | None = None
    keep_alive: KeepAlive = None
    stream: bool | None = None
    """Unless it is false."""
    logprobs: bool | None = None
    top_logprobs: TopLogprobs | None = None


async def generate(call: Call) -> Response:
    body: GenerateBody = call.body
    _refuse(body)
    if not body.prompt:
        reason = await awaited(call.request, moved(call, body.model, body.keep_alive))
        return answered(
            GenerateAnswer(model=body.model or "", created_at=timestamp(), done=True, done_reason=reason, response="")
        )
    if body.stream is False:
        return answered(await awaited(call.request, _whole(call)))
    clock = Clock(body.model)
    return await streamed(call.request, _answers(call, clock), lambda: GenerateAnswer(**clock.piece(), response=""))


def _refuse(body: GenerateBody) -> None:
    """Raises UsageError for what is not done here."""
    if body.suffix:
        raise UsageError("Text is not filled in before a suffix here: leave the suffix out.")
    if body.template:
        raise UsageError("A model answers with its own template here: leave the template out, or send a raw prompt.")
    if body.raw and (body.system or body.context):
        raise UsageError("A raw prompt has nothing beside it: write the system prompt and the context into it.")
    refuse_images(body.images)


async def _answers(call: Call, clock: Clock) -> AsyncGenerator[GenerateAnswer | Waiting | Prefill, None]:
    body: GenerateBody = call.body
    said: list[str] = []
    worker: Worker | None = None

    async def write(resident: Resident) -> Written:
        nonlocal worker
        request = await (_raw if body.raw else _asked)(body, resident)
        n_tokens = await resident.exchange.check(request.prompt, templated=request.templated)
        if body.raw:
            return resident.worker.generate(request)
        said.append(request.prompt)
        worker = resident.worker
        return resident.exchange.ask(Prepared(request, n_tokens, None))

    pieces = writing(call.service.models, body.model, body.keep_alive, clock, write)
    async with aclosing(pieces):
        async for piece in pieces:
            if isinstance(piece, Waiting | Prefill):
                yield piece
                continue
            if isinstance(piece, Finished):
                context = [] if worker is None else await worker.tokenize("".join(said), templated=True)
                yield GenerateAnswer(**clock.end(piece), response="", context=context)
                continue
            said.append(piece.text)
            yield GenerateAnswer(
                **clock.piece(), response=piece.text, thinking=piece.thinking, logprobs=logprobs(piece.logprobs)
            )


async def _asked(body: GenerateBody, resident: Resident) -> GenerateRequest:
    options = body.options or Options()
    switch, thinking_tokens = thinking(body.think)
    system = (Message("system", body.system),) if body.system else ()
    question = Question(
        (*system, Message("user", body.prompt or "")),
        sampling=await sampling(resident.sampling, options, body.format),
        max_tokens=options.max_tokens,
        stop=tuple(options.stop or ()),
        logprobs=_n_logprobs(body),
        thinking=switch,
        thinking_tokens=thinking_tokens,
    )
    request = (await resident.exchange.prepare(question)).request
    before = await resident.worker.detokenize(body.context) if body.context else ""
    return replace(request, prompt=before + request.prompt)


async def _raw(body: GenerateBody, resident: Resident) -> GenerateRequest:
    options = body.options or Options()
    prompt, bos = body.prompt or "", resident.facts.bos_text
    if resident.facts.add_bos and not prompt.startswith(bos):
        prompt = bos + prompt
    return GenerateRequest(
        prompt,
        templated=True,
        sampling=await sampling(resident.sampling, options, body.format),
        max_tokens=options.max_tokens,
        stop=tuple(options.stop or ()),
        logprobs=_n_logprobs(body),
    )


def _n_logprobs(body: GenerateBody) -> int | None:
    return (body.top_logprobs or 0) if body.logprobs else None


async def _whole(call: Call) -> GenerateAnswer:
    pieces = _answers(call, Clock(call.body.model))
    answers = [piece async for piece in pieces if isinstance(piece, GenerateAnswer)]
    return msgspec.structs.replace(
        answers[-1],
        response="".join(answer.response for answer in answers),
        thinking="".join(answer.thinking for answer in answers),
        logprobs=[one for answer in answers for one in answer.logprobs],
    )
