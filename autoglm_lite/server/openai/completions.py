"""POST /v1/completions."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.responses import Response

from autoglm_lite.generation import Event, Finished, GenerateRequest, Prefill, Text, TokenLogprob, Waiting
from autoglm_lite.server import sse
from autoglm_lite.server.endpoint import Call, answered
from autoglm_lite.server.openai.completion import (
    REASONS,
    Completion,
    CompletionRequest,
    Offsets,
    TextChoice,
    TextChunk,
    TextDelta,
)
from autoglm_lite.server.openai.errors import failed
from autoglm_lite.server.openai.sampling import most_tokens, sampling
from autoglm_lite.server.openai.usage import Tally, prompt_progress
from autoglm_lite.server.resident import Resident
from autoglm_lite.server.streaming import awaited


async def completions(call: Call) -> Response:
    body: CompletionRequest = call.body
    body.check()
    if body.stream:
        return await sse.streamed(call.request, _pieces(call, body), failed)
    return answered(await awaited(call.request, _whole(call, body)))


async def _whole(call: Call, body: CompletionRequest) -> Completion:
    n, tally = body.n or 1, Tally()
    texts = [prompt if body.echo else "" for prompt in body.prompts for _ in range(n)]
    logprobs: list[list[TokenLogprob]] = [[] for _ in texts]
    ends: dict[int, Finished] = {}
    async with call.service.models.use(body.model) as resident:
        async with aclosing(_events(resident, body)) as events:
            async for first, event in events:
                if isinstance(event, Text):
                    texts[first + event.choice] += event.text
                    logprobs[first + event.choice] += event.logprobs
                elif isinstance(event, Finished):
                    ends[first + event.choice] = event
                    tally.add(event)
        choices = [
            TextChoice(
                index,
                text,
                None if body.logprobs is None else Offsets().take(logprobs[index]),
                REASONS[ends[index].reason],
            )
            for index, text in enumerate(texts)
        ]
        return Completion(
            _id(), "text_completion", int(time.time()), resident.name, choices, tally.usage(), tally.timings()
        )


async def _pieces(call: Call, body: CompletionRequest) -> AsyncGenerator[bytes | Waiting | Prefill, None]:
    n, tally, began = body.n or 1, Tally(), time.monotonic()
    offsets = [Offsets() for _ in range(n * len(body.prompts))]
    async with call.service.models.use(body.model) as resident:
        head = _id(), "text_completion", int(time.time()), resident.name

        def chunk(*choices: TextDelta) -> TextChunk:
            return TextChunk(*head, list(choices))  # type: ignore[arg-type]

        async with aclosing(_events(resident, body)) as events:
            echoed = -1
            async for first, event in events:
                if body.echo and first > echoed:
                    echoed = first
                    for index in range(first, first + n):
                        yield sse.data(chunk(TextDelta(index, body.prompts[first // n])))
                if isinstance(event, Waiting | Prefill):
                    if body.return_progress:
                        found = chunk()
                        found.prompt_progress = prompt_progress(event, time.monotonic() - began)
                        yield sse.data(found)
                    yield event
                    continue
                index = first + event.choice
                if isinstance(event, Text):
                    logprobs = None if body.logprobs is None else offsets[index].take(event.logprobs)
                    yield sse.data(chunk(TextDelta(index, event.text, logprobs)))
                else:
                    tally.add(event)
                    found = chunk(TextDelta(index, "", None, REASONS[event.reason]))
                    if len(body.prompts) * n == index + 1 or not event.n_left:
                        found.timings = tally.timings()
                    yield sse.data(found)
        if body.stream_options is not None and body.stream_options.include_usage:
            found = chunk()
            found.usage = tally.usage()
            yield sse.data(found)
    yield sse.DONE


async def _events(resident: Resident, body: CompletionRequest) -> AsyncGenerator[tuple[int, Event], None]:
    """With the index of its prompt's first choice. Raises PromptTooLongError for any of the prompts before the first
    event."""
    for prompt in body.prompts:
        await resident.exchange.check(prompt, templated=bool(body.templated))
    n = body.n or 1
    for number, prompt in enumerate(body.prompts):
        request = GenerateRequest(
            prompt,
            templated=bool(body.templated),
            sampling=sampling(body, resident.sampling, body.grammar),
            max_tokens=most_tokens(body.max_tokens),
            stop=body.stops,
            n=n,
            logprobs=body.logprobs,
            thinking_tokens=body.thinking_tokens,
        )
        async with aclosing(resident.worker.generate(request)) as events:
            async for event in events:
                yield number * n, event


def _id() -> str:
    return f"cmpl-{secrets.token_hex(12)}"
