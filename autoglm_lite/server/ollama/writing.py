"""An answer while it is written, before it takes the form of a route."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

from autoglm_lite.chat.events import Answer, CallArguments, CallBegun, Reasoning
from autoglm_lite.generation import Event, Finished, Prefill, Text, TokenLogprob, Waiting
from autoglm_lite.server.calling import call_id
from autoglm_lite.server.models import Models
from autoglm_lite.server.ollama.answers import Called, Clock, Function
from autoglm_lite.server.ollama.keeping import KeepAlive, keep
from autoglm_lite.server.resident import Resident

Written = AsyncGenerator[Event | Answer | Reasoning | CallBegun | CallArguments, None]


@dataclass(frozen=True, slots=True)
class Piece:
    text: str = ""
    thinking: str = ""
    calls: tuple[Called, ...] = ()
    """Whole ones: this protocol knows no pieces of calls."""
    logprobs: tuple[TokenLogprob, ...] = ()


async def writing(
    models: Models, asked: str | None, kept: KeepAlive, clock: Clock, write: Callable[[Resident], Awaitable[Written]]
) -> AsyncGenerator[Piece | Waiting | Prefill | Finished, None]:
    """Pieces, none of them empty, or what is waited for; then Finished. `write` begins the answer of the model once it
    is loaded. A call that was cut off is left out. Raises as Models.use, `write` and Worker.generate do."""
    async with models.use(asked) as resident:
        clock.loaded(resident.name)
        keep(models, resident, kept)
        begun: tuple[str, list[str]] | None = None
        n_calls = 0
        async with aclosing(await write(resident)) as events:
            async for event in events:
                if isinstance(event, CallArguments):
                    assert begun is not None
                    begun[1].append(event.text)
                    if event.logprobs:
                        yield Piece(logprobs=event.logprobs)
                    continue
                if begun is not None and (call := _called(n_calls, *begun)) is not None:
                    n_calls += 1
                    yield Piece(calls=(call,))
                begun = None
                if isinstance(event, CallBegun):
                    begun = event.name, []
                    if event.logprobs:
                        yield Piece(logprobs=event.logprobs)
                elif isinstance(event, Answer | Text):
                    if event.text or event.logprobs:
                        yield Piece(event.text, logprobs=event.logprobs)
                elif isinstance(event, Reasoning):
                    yield Piece(thinking=event.text, logprobs=event.logprobs)
                elif isinstance(event, Waiting | Prefill | Finished):
                    yield event


def _called(index: int, name: str, pieces: list[str]) -> Called | None:
    try:
        arguments = json.loads("".join(pieces) or "{}")
    except ValueError:
        return None
    if not isinstance(arguments, dict):
        return None
    return Called(call_id(), Function(index, name, arguments))
