"""POST /v1/rerank, in the form of Jina's, Cohere's and llama.cpp's services."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from starlette.responses import Response

from autoglm_lite.server.endpoint import Call, Endpoint, answered
from autoglm_lite.server.limits import MOST_TEXTS, Name
from autoglm_lite.server.openai.embeddings import Usage
from autoglm_lite.server.openai.errors import FAMILY
from autoglm_lite.server.purpose import using
from autoglm_lite.server.streaming import awaited


class Document(msgspec.Struct):
    text: str


class RerankRequest(msgspec.Struct):
    query: str
    documents: Annotated[list[str | Document], Meta(min_length=1, max_length=MOST_TEXTS)]
    model: Name | None = None
    """None: the only stored model that ranks documents."""
    top_n: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    """None: all of them."""
    return_documents: bool | None = None


class Ranked(msgspec.Struct, omit_defaults=True):
    index: Annotated[int, Meta(ge=0)]
    """Of the document in the request."""
    relevance_score: float
    """The model's own: the higher, the better; only the order of one model's scores means something."""
    document: Document | msgspec.UnsetType = msgspec.UNSET


class Ranking(msgspec.Struct):
    results: list[Ranked]
    """The best first."""
    model: str
    usage: Usage
    object: Literal["list"] = "list"


async def rerank(call: Call) -> Response:
    return answered(await awaited(call.request, _rank(call)))


async def _rank(call: Call) -> Ranking:
    body: RerankRequest = call.body
    texts = [document if isinstance(document, str) else document.text for document in body.documents]
    async with using(call.service.models, body.model, "reranking") as resident:
        found = await resident.worker.rerank(body.query, texts)
    best = sorted(range(len(texts)), key=lambda index: -found.scores[index])[: body.top_n]
    results = [
        Ranked(index, found.scores[index], Document(texts[index]) if body.return_documents else msgspec.UNSET)
        for index in best
    ]
    n_tokens = sum(found.n_tokens)
    return Ranking(results, resident.name, Usage(n_tokens, n_tokens))


ENDPOINTS = (
    Endpoint(
        "POST",
        "/v1/rerank",
        FAMILY,
        "Documents by how well they answer a question",
        rerank,
        body=RerankRequest,
        answer=Ranking,
    ),
)
