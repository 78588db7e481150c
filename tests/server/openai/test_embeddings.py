"""/v1/embeddings as the official client asks for them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from pathlib import Path

import openai
import pytest

from autoglm_lite.embedding import Embedded
from autoglm_lite.server.limits import MOST_TEXTS
from tests.gguf.embedders import bert
from tests.server.serving import Running, serving

TEXTS = ["the cat sat on the mat", "what is a dog?", "x"]


def test_vectors_of_length_one_in_order(client: openai.OpenAI) -> None:
    found = client.embeddings.create(model="vectors", input=TEXTS)
    assert [one.index for one in found.data] == [0, 1, 2]
    assert found.model == "vectors"
    assert all(math.hypot(*one.embedding) == pytest.approx(1) for one in found.data)
    assert found.usage.prompt_tokens == found.usage.total_tokens > len(TEXTS)
    alone = client.embeddings.create(model="vectors", input=TEXTS[1]).data[0].embedding
    assert alone == pytest.approx(found.data[1].embedding, abs=1e-4)


def test_both_encodings_say_the_same(client: openai.OpenAI, running: Running) -> None:
    floats = client.embeddings.create(model="vectors", input="a", encoding_format="float").data[0].embedding
    # The client asks for base64 unless told otherwise, and decodes it.
    assert client.embeddings.create(model="vectors", input="a").data[0].embedding == pytest.approx(floats, abs=1e-6)
    raw = running.http.post("/embeddings", json={"input": "a", "encoding_format": "base64"}).json()
    assert isinstance(raw["data"][0]["embedding"], str)


def test_as_many_dimensions_as_there_are(client: openai.OpenAI) -> None:
    n = len(client.embeddings.create(model="vectors", input="a").data[0].embedding)
    assert len(client.embeddings.create(model="vectors", input="a", dimensions=n).data[0].embedding) == n
    with pytest.raises(openai.BadRequestError, match=f"The vectors of vectors have {n} dimensions"):
        client.embeddings.create(model="vectors", input=TEXTS, dimensions=n - 1)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"input": []}, "input: expected `array` of length >= 1"),
        ({"input": ["a"] * (MOST_TEXTS + 1)}, f"input: expected `array` of length <= {MOST_TEXTS}"),
        ({"input": [[1, 2]]}, "expected `str`, got `array`"),
        ({"input": "a", "encoding_format": "int8"}, "encoding_format: invalid enum value"),
        ({"input": ["a", "the cat " * 300]}, "text number 2 is"),
        ({"input": "a", "model": "starter"}, "starter writes text and makes no embeddings: choose an embedding model"),
        ({"input": "a", "model": "ranks"}, "ranks only ranks documents and makes no embeddings"),
    ],
)
def test_what_is_refused(running: Running, fields: dict[str, object], sentence: str) -> None:
    found = running.http.post("/v1/embeddings", json={"model": "vectors", **fields})
    assert found.status_code == 400
    assert sentence in found.json()["error"]["message"]


def test_a_chat_model_in_memory_makes_none(client: openai.OpenAI) -> None:
    messages: list[openai.types.chat.ChatCompletionMessageParam] = [{"role": "user", "content": "hi"}]
    client.chat.completions.create(model="starter", messages=messages, max_tokens=1)
    with pytest.raises(openai.BadRequestError, match="makes no embeddings"):
        client.embeddings.create(model="starter", input="a")


@pytest.mark.parametrize("asked", [{}, {"model": None}, {"model": ""}, {"model": "default"}])
def test_the_only_one_is_meant(running: Running, asked: dict[str, object]) -> None:
    assert running.http.post("/v1/embeddings", json={"input": "a", **asked}).json()["model"] == "vectors"


def test_none_or_several_that_could_be_meant(model_files: dict[str, Path], tmp_path: Path) -> None:
    files = {"starter": model_files["starter"]}
    with serving(tmp_path, files) as it:
        found = it.http.post("/v1/embeddings", json={"input": "a"})
        assert found.status_code == 404
        assert "No stored model makes embeddings" in found.json()["error"]["message"]
    files |= {"one": model_files["vectors"], "other": bert().write(tmp_path / "other.gguf")}
    with serving(tmp_path, files) as it:
        found = it.http.post("/v1/embeddings", json={"input": "a"})
        assert found.status_code == 404
        assert "name one of one, other." in found.json()["error"]["message"]


def test_who_goes_away_stops_the_work(client: openai.OpenAI, running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    before = client.embeddings.create(model="vectors", input=TEXTS).data[0].embedding
    worker = next(one for one in running.service.models.residents if one.name == "vectors").worker
    embed, ended = worker.embed, []

    async def watched(texts: Sequence[str]) -> Embedded:
        try:
            return await embed(texts)
        except asyncio.CancelledError:
            ended.append(len(texts))
            raise

    monkeypatch.setattr(worker, "embed", watched)
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.2).embeddings.create(
            model="vectors", input=["the cat sat on the mat " * 5] * 2048
        )
    running.until(lambda: ended == [2048])
    assert worker.seconds_idle is not None
    assert client.embeddings.create(model="vectors", input=TEXTS).data[0].embedding == before
