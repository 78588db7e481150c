"""The routes of OpenAI's protocol."""

from __future__ import annotations

from autoglm_lite.server.endpoint import Endpoint
from autoglm_lite.server.limits import Name
from autoglm_lite.server.openai import embeddings, rerank, responses
from autoglm_lite.server.openai.answer import ChatCompletion
from autoglm_lite.server.openai.chat import chat_completions
from autoglm_lite.server.openai.completion import Completion, CompletionRequest
from autoglm_lite.server.openai.completions import completions
from autoglm_lite.server.openai.errors import FAMILY
from autoglm_lite.server.openai.models import Model, ModelList, get_model, list_models
from autoglm_lite.server.openai.question import ChatRequest
from autoglm_lite.server.streaming import EVENTS

ENDPOINTS = (
    Endpoint("GET", "/v1/models", FAMILY, "The models that can be asked", list_models, answer=ModelList),
    Endpoint(
        "GET",
        "/v1/models/{model}",
        FAMILY,
        "One of them",
        get_model,
        answer=Model,
        parameters={"model": Name},
    ),
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
        "/v1/completions",
        FAMILY,
        "A text that goes on from a prompt",
        completions,
        body=CompletionRequest,
        answer=Completion,
        streamed=EVENTS,
    ),
    *responses.ENDPOINTS,
    *embeddings.ENDPOINTS,
    *rerank.ENDPOINTS,
)
