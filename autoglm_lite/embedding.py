"""What is asked of a model that makes embeddings or ranks documents: the words that planning, engine, worker and faces
share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Use = Literal["chat", "embeddings", "reranking"]
"""What a model is made for."""
Pooling = Literal["none", "mean", "cls", "last", "rank"]
"""How the vectors of a text's tokens become one: not at all, their mean, the first, the last; or a classifier's
score."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """The vectors of the next texts, in the order of the request, each of length 1."""

    vectors: list[list[float]]
    n_tokens: list[int]
    """Of each text, with what the vocabulary puts around it."""
    n_left: int = 0
    """Texts whose vectors are still to come."""


@dataclass(frozen=True, slots=True)
class Reranked:
    """The scores of the next documents, in the order of the request, as llama.cpp gives them: the higher, the better
    the document answers the query. Their range is the model's own."""

    scores: list[float]
    n_tokens: list[int]
    """Of each pair of query and document."""
    n_left: int = 0
    """Documents whose scores are still to come."""


_MADE: dict[Use, str] = {
    "chat": "writes text",
    "embeddings": "only makes embeddings",
    "reranking": "only ranks documents",
}
_CANNOT: dict[Use, str] = {
    "chat": "cannot write: choose a chat model",
    "embeddings": "makes no embeddings: choose an embedding model, such as one of the BGE or Qwen3-Embedding families",
    "reranking": "cannot rank documents: choose a reranking model, such as BGE-Reranker or Qwen3-Reranker",
}


def wrong_use(name: str, made: Use, wanted: Use) -> str:
    """The sentence for a model `made` for something else than is `wanted`; `name` begins it."""
    return f"{name} {_MADE[made]} and {_CANNOT[wanted]}."
