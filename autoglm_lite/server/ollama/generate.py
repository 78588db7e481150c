"""POST /api/generate."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec
from starlette.responses import Response

from autoglm_lite.chat.exchange import Question
from autoglm_lite.chat.messages import Message
from autoglm_lite.errors import UsageError
from autoglm_lite.generation import Finished, GenerateRequest
from autoglm_lite.server.endpoint import Call, answered
from autoglm_lite.server.limits import Name, TopLogprobs
from autoglm_lite.server.models import Resident
from autoglm_lite.server.ollama.answers import Clock, GenerateAnswer, lines, logprobs, timestamp
from autoglm_lite.server.ollama.chat import moved
from autoglm_lite.server.ollama.errors import line
from autoglm_lite.server.ollama.keeping import KeepAlive
from autoglm_lite.server.ollama.messages import Images, refuse_images
from autoglm_lite.server.ollama.options import Format, Options, Think, sampling, thinking
from autoglm_lite.server.ollama.writing import Written, writing
from autoglm_lite.server.sse import told
from autoglm_lite.server.streaming import LINES, Streamed, awaited, begun


class GenerateBody(msgspec.Struct):
    model: Name = ""
    prompt: str | None = None
    """None: the model is loaded, or unloaded where `keep_alive` is 0."""
    system: str | None = None
    raw: bool | None = None
    """The prompt is what the model continues, control tokens in it included."""
    suffix: str | None = None
    template: str | None = None
    context: list[int] | None = None
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
            GenerateAnswer(model=body.model, created_at=timestamp(), done=True, done_reason=reason, response="")
        )
    if body.stream is False:
        return answered(await awaited(call.request, _whole(call)))
    answers = await awaited(call.request, begun(_answers(call)))
    return Streamed(told(lines(answers), line), LINES)


def _refuse(body: GenerateBody) -> None:
    """Raises UsageError for what is not done here."""
    if body.suffix:
        raise UsageError("Text is not filled in before a suffix here: leave the suffix out.")
    if body.template:
        raise UsageError("A model answers with its own template here: leave the template out, or send a raw prompt.")
    if body.context:
        raise UsageError("A context of tokens is not taken here: send the conversation's messages to /api/chat.")
    if body.raw and body.system:
        raise UsageError("A raw prompt has no system prompt beside it: write it into the prompt.")
    refuse_images(body.images)


async def _answers(call: Call) -> AsyncGenerator[GenerateAnswer, None]:
    body: GenerateBody = call.body
    clock = Clock(body.model)

    async def write(resident: Resident) -> Written:
        return await (_raw if body.raw else _asked)(body, resident)

    pieces = writing(call.service.models, body.model, body.keep_alive, clock, write)
    async with aclosing(pieces):
        async for piece in pieces:
            if isinstance(piece, Finished):
                yield GenerateAnswer(**clock.end(piece), response="")
                continue
            yield GenerateAnswer(
                **clock.piece(), response=piece.text, thinking=piece.thinking, logprobs=logprobs(piece.logprobs)
            )


async def _asked(body: GenerateBody, resident: Resident) -> Written:
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
    return resident.exchange.ask(await resident.exchange.prepare(question))


async def _raw(body: GenerateBody, resident: Resident) -> Written:
    options = body.options or Options()
    prompt, bos = body.prompt or "", resident.facts.bos_text
    if resident.facts.add_bos and not prompt.startswith(bos):
        prompt = bos + prompt
    request = GenerateRequest(
        prompt,
        templated=True,
        sampling=await sampling(resident.sampling, options, body.format),
        max_tokens=options.max_tokens,
        stop=tuple(options.stop or ()),
        logprobs=_n_logprobs(body),
    )
    await resident.exchange.check(prompt, templated=True)
    return resident.worker.generate(request)


def _n_logprobs(body: GenerateBody) -> int | None:
    return (body.top_logprobs or 0) if body.logprobs else None


async def _whole(call: Call) -> GenerateAnswer:
    answers = [answer async for answer in _answers(call)]
    return msgspec.structs.replace(
        answers[-1],
        response="".join(answer.response for answer in answers),
        thinking="".join(answer.thinking for answer in answers),
        logprobs=[one for answer in answers for one in answer.logprobs],
    )
