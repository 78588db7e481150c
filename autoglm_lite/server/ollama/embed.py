"""POST /api/embed and the older /api/embeddings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response

from autoglm_lite.server.endpoint import Call, answered
from autoglm_lite.server.limits import MOST_TEXTS, Name
from autoglm_lite.server.ollama.answers import Clock
from autoglm_lite.server.ollama.keeping import KeepAlive, keep
from autoglm_lite.server.purpose import using
from autoglm_lite.server.resident import Resident
from autoglm_lite.server.streaming import awaited


class EmbedRequest(msgspec.Struct):
    model: Name | None = None
    input: str | Annotated[list[str], Meta(max_length=MOST_TEXTS)] | None = None
    """None, or nothing: the model is only loaded."""
    truncate: bool | None = None
    """Whether the end of a text that is too long is left out: only where this is said to be so."""
    dimensions: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None
    """Of each vector its first so many, made of length 1 again; 0, or more than it has: all."""
    keep_alive: KeepAlive = None


class EmbedAnswer(msgspec.Struct):
    """Durations in nanoseconds."""

    model: str
    embeddings: list[list[float]]
    total_duration: int
    load_duration: int
    prompt_eval_count: int


class EmbeddingsRequest(msgspec.Struct):
    model: Name | None = None
    prompt: str | None = None
    keep_alive: KeepAlive = None


class EmbeddingsAnswer(msgspec.Struct):
    embedding: list[float]


async def embed(call: Call) -> Response:
    body: EmbedRequest = call.body
    given = [body.input] if isinstance(body.input, str) else body.input or []
    return answered(await awaited(call.request, _embedded(call, given if body.input else [], body)))


async def embeddings(call: Call) -> Response:
    body: EmbeddingsRequest = call.body
    texts = [body.prompt] if body.prompt else []
    wish = EmbedRequest(model=body.model, keep_alive=body.keep_alive)
    found = await awaited(call.request, _embedded(call, texts, wish))
    return answered(EmbeddingsAnswer(found.embeddings[0] if found.embeddings else []))


async def _embedded(call: Call, texts: Sequence[str], body: EmbedRequest) -> EmbedAnswer:
    clock = Clock(body.model)
    async with using(call.service.models, body.model, "embeddings") as resident:
        clock.loaded(resident.name)
        keep(call.service.models, resident, body.keep_alive)
        vectors: list[list[float]] = []
        n_tokens = 0
        if texts:
            if body.truncate:
                texts = [await _cut(resident, text) for text in texts]
            found = await resident.worker.embed(texts)
            vectors, n_tokens = [_shortened(one, body.dimensions or 0) for one in found.vectors], sum(found.n_tokens)
        return EmbedAnswer(clock.model, vectors, clock.total_duration, clock.load_duration, n_tokens)


async def _cut(resident: Resident, text: str) -> str:
    """As much of the beginning of `text` as fits into the context."""
    n_ctx, least, most = resident.plan.n_ctx, 0, len(text)
    if most <= n_ctx // 2:
        return text
    while least < most:
        middle = (least + most + 1) // 2
        # First the whole: most texts fit.
        middle = most if least == 0 and most == len(text) else middle
        if len(await resident.worker.tokenize(text[:middle], templated=False)) <= n_ctx:
            least = middle
        else:
            most = middle - 1
    return text[:least]


def _shortened(vector: list[float], n: int) -> list[float]:
    if not 0 < n < len(vector):
        return vector
    length = math.hypot(*vector[:n]) or 1.0
    return [value / length for value in vector[:n]]
