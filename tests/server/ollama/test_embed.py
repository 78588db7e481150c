"""Embeddings through Ollama's own client."""

from __future__ import annotations

import math

import ollama
import pytest
from ollama import Client

TEXTS = ["the cat sat on the mat", "what is a dog?"]


def test_vectors_in_order(client: Client) -> None:
    found = client.embed("vectors", TEXTS)
    assert found.model == "vectors"
    assert len(found.embeddings) == 2
    for vector in found.embeddings:
        assert math.hypot(*vector) == pytest.approx(1)
    assert (found.prompt_eval_count or 0) > 4
    (alone,) = client.embed("vectors", TEXTS[1]).embeddings
    assert alone == pytest.approx(found.embeddings[1], abs=1e-4)
    older = client.embeddings("vectors", TEXTS[1])
    assert older.embedding == pytest.approx(alone, abs=1e-6)


def test_fewer_dimensions(client: Client) -> None:
    (whole,) = client.embed("vectors", TEXTS[0]).embeddings
    (short,) = client.embed("vectors", TEXTS[0], dimensions=8).embeddings
    length = math.hypot(*whole[:8])
    assert short == pytest.approx([value / length for value in whole[:8]], abs=1e-5)


def test_too_long_is_cut_only_where_asked(client: Client) -> None:
    text = "the cat " * 400
    with pytest.raises(ollama.ResponseError) as caught:
        client.embed("vectors", text)
    assert caught.value.status_code == 400
    assert "128" in caught.value.error
    n_short = client.embed("vectors", TEXTS[0]).prompt_eval_count or 0
    found = client.embed("vectors", [text, TEXTS[0]], truncate=True)
    assert len(found.embeddings) == 2
    assert 120 < (found.prompt_eval_count or 0) - n_short <= 128


def test_nothing_is_only_loaded(client: Client) -> None:
    assert client.embed("vectors", []).embeddings == []
    assert client.embed("vectors", "").embeddings == []
    assert "vectors:latest" in [model.name for model in client.ps().models]


def test_a_chat_model_makes_none(client: Client) -> None:
    with pytest.raises(ollama.ResponseError) as caught:
        client.embed("starter", "hello")
    assert caught.value.status_code == 400
    assert "makes no embeddings" in caught.value.error


def test_the_only_one_that_makes_them_needs_no_name(client: Client) -> None:
    found = client.embed("default", TEXTS[0])
    assert found.embeddings == client.embed("vectors", TEXTS[0]).embeddings
