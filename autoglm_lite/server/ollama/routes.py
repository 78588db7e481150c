"""The routes of Ollama's protocol."""

from __future__ import annotations

from functools import partial

from autoglm_lite.server.endpoint import Endpoint
from autoglm_lite.server.ollama.absent import SENTENCES, refusing
from autoglm_lite.server.ollama.answers import ChatAnswer, GenerateAnswer
from autoglm_lite.server.ollama.chat import ChatRequest, chat
from autoglm_lite.server.ollama.embed import (
    EmbedAnswer,
    EmbeddingsAnswer,
    EmbeddingsRequest,
    EmbedRequest,
    embed,
    embeddings,
)
from autoglm_lite.server.ollama.errors import FAMILY
from autoglm_lite.server.ollama.generate import GenerateBody, generate
from autoglm_lite.server.ollama.models import (
    Processes,
    Shown,
    ShowRequest,
    Tags,
    Version,
    ps,
    root,
    show,
    tags,
    version,
)
from autoglm_lite.server.streaming import LINES

_get = partial(Endpoint, "GET", family=FAMILY)
_post = partial(Endpoint, "POST", family=FAMILY)

ENDPOINTS = (
    _post(
        "/api/chat",
        summary="An answer in a conversation",
        handler=chat,
        body=ChatRequest,
        answer=ChatAnswer,
        streamed=LINES,
    ),
    _post(
        "/api/generate",
        summary="An answer to a prompt",
        handler=generate,
        body=GenerateBody,
        answer=GenerateAnswer,
        streamed=LINES,
    ),
    _post("/api/embed", summary="Vectors of texts", handler=embed, body=EmbedRequest, answer=EmbedAnswer),
    _post(
        "/api/embeddings",
        summary="The vector of a text",
        handler=embeddings,
        body=EmbeddingsRequest,
        answer=EmbeddingsAnswer,
    ),
    _get("/api/tags", summary="The models", handler=tags, answer=Tags),
    _post("/api/show", summary="What a model is", handler=show, body=ShowRequest, answer=Shown),
    _get("/api/ps", summary="The models in memory", handler=ps, answer=Processes),
    _get("/api/version", summary="The release of Ollama whose protocol this is", handler=version, answer=Version),
    _get("/", summary="Whether the service answers", handler=root, open=True),
    *(
        Endpoint("DELETE" if what == "delete" else "POST", f"/api/{what}", FAMILY, "Not offered here", refusing(what))
        for what in SENTENCES
    ),
)
