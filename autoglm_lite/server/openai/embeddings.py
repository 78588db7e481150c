"""POST /v1/embeddings."""

from __future__ import annotations

import asyncio
import struct
from base64 import b64encode
from typing import Annotated, Literal, cast

import msgspec
from msgspec import Meta
from starlette.responses import Response

from autoglm_lite.errors import UsageError
from autoglm_lite.server.endpoint import Call, Endpoint, answered
from autoglm_lite.server.limits import MOST_TEXTS, Name
from autoglm_lite.server.openai.errors import FAMILY
from autoglm_lite.server.purpose import using
from autoglm_lite.server.streaming import awaited

Texts = Annotated[list[str], Meta(min_length=1, max_length=MOST_TEXTS)]


class EmbeddingRequest(msgspec.Struct):
    input: str | Texts
    """Texts; other programs' token numbers would mean something else to this model."""
    model: Name | None = None
    """None: the only stored model that makes embeddings."""
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    """As many as the model's vectors have: they are not cut."""


class Embedding(msgspec.Struct):
    embedding: list[float] | str
    """Or the base64 of little-endian 32-bit floats."""
    index: Annotated[int, Meta(ge=0)]
    object: Literal["embedding"] = "embedding"


class Usage(msgspec.Struct):
    prompt_tokens: int
    total_tokens: int


class Embeddings(msgspec.Struct):
    data: list[Embedding]
    model: str
    usage: Usage
    object: Literal["list"] = "list"


async def embeddings(call: Call) -> Response:
    return answered(await awaited(call.request, _embed(call)))


async def _embed(call: Call) -> Embeddings:
    body: EmbeddingRequest = call.body
    texts = [body.input] if isinstance(body.input, str) else body.input
    async with using(call.service.models, body.model, "embeddings") as resident:
        if body.dimensions not in (None, resident.facts.n_embd):
            # Most likely to be refused, which is not to cost the reading of all texts.
            _check_width((await resident.worker.embed(texts[:1])).vectors, body.dimensions, resident.name)
        found = await resident.worker.embed(texts)
        _check_width(found.vectors, body.dimensions, resident.name)
    data = []
    for index, vector in enumerate(found.vectors):
        data.append(Embedding(_written(vector, base64=body.encoding_format == "base64"), index))
        # Thousands of long vectors take a second to write: the words of others come in between.
        await asyncio.sleep(0)
    n_tokens = sum(found.n_tokens)
    return Embeddings(data, resident.name, Usage(n_tokens, n_tokens))


def _check_width(vectors: list[list[float]], dimensions: int | None, name: str) -> None:
    """Raises UsageError for vectors that have not as many dimensions as were asked for."""
    width = len(vectors[0])
    if dimensions not in (None, width):
        raise UsageError(f"The vectors of {name} have {width} dimensions: leave `dimensions` out, or give that number.")


def _written(vector: list[float], *, base64: bool) -> list[float] | str:
    """As JSON already, which is a text or a list to whoever reads it."""
    return cast("list[float] | str", msgspec.Raw(msgspec.json.encode(base64_of(vector) if base64 else vector)))


def base64_of(vector: list[float]) -> str:
    """As OpenAI's clients read it: 32-bit floats, the lowest byte first."""
    return b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


ENDPOINTS = (
    Endpoint(
        "POST",
        "/v1/embeddings",
        FAMILY,
        "Vectors of texts",
        embeddings,
        body=EmbeddingRequest,
        answer=Embeddings,
    ),
)
