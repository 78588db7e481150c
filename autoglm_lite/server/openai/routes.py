"""The routes of OpenAI's protocol."""

from __future__ import annotations

from autoglm_lite.server.endpoint import Endpoint
from autoglm_lite.server.openai.chat import ChatCompletion, ChatRequest, chat_completions
from autoglm_lite.server.openai.embeddings import EmbeddingRequest, Embeddings, embeddings
from autoglm_lite.server.openai.errors import FAMILY
from autoglm_lite.server.openai.rerank import Ranking, RerankRequest, rerank
from autoglm_lite.server.streaming import EVENTS

ENDPOINTS = (
    Endpoint(
        "POST",
        "/v1/chat/completions",
        FAMILY,
        "An answer in a conversation",
        chat_completions,
        body=ChatRequest,
        answer=ChatCompletion,
        streamed=EVENTS,
    ),
    Endpoint(
        "POST",
        "/v1/embeddings",
        FAMILY,
        "Vectors of texts",
        embeddings,
        body=EmbeddingRequest,
        answer=Embeddings,
    ),
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
