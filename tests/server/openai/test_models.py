"""The list of models through OpenAI's own client."""

from __future__ import annotations

from pathlib import Path

import openai
import pytest
from openai import OpenAI

from tests.server.serving import Running, serving


def test_all_that_can_be_asked(client: OpenAI) -> None:
    found = {model.id: model for model in client.models.list()}
    assert sorted(found) == ["broken", "endless", "ranks", "starter", "stories", "vectors"]
    assert {model.object for model in found.values()} == {"model"}
    assert client.models.retrieve("starter") == found["starter"]
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("gpt-9")
    assert caught.value.code == "model_not_found"


def test_facts_without_loading(model_files: dict[str, Path], tmp_path: Path) -> None:
    with serving(tmp_path, model_files) as running:
        listed = running.http.get("/v1/models").json()
        assert listed == running.http.get("/models").json()
        metas = {model["id"]: model.get("meta") for model in listed["data"]}
        assert metas["broken"] is None
        assert {name: meta["use"] for name, meta in metas.items() if meta} == {
            "starter": "chat",
            "stories": "chat",
            "endless": "chat",
            "vectors": "embeddings",
            "ranks": "reranking",
        }
        assert metas["stories"]["n_ctx_train"] == 512
        assert metas["stories"]["size"] == model_files["stories"].stat().st_size
        assert not any(meta["loaded"] for meta in metas.values() if meta)
        assert not running.service.models.residents
        running.http.post("/tokenize", json={"model": "stories", "content": "cat"})
        meta = running.http.get("/v1/models/stories").json()["meta"]
        assert (meta["loaded"], meta["n_ctx"]) == (True, 512)


def test_a_name_from_elsewhere(running: Running) -> None:
    for name in ("stories.gguf", "stories:latest"):
        assert running.http.get(f"/v1/models/{name}").json()["id"] == "stories"
