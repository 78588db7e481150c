"""What models there are, and which are in memory, through Ollama's own client."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import ollama
import pytest
from ollama import Client

from autoglm_lite.hardware.process import process_memory
from autoglm_lite.store.models import starter_path
from tests.server.serving import Running

SOON = timedelta(minutes=1)


def test_all_that_can_be_asked_are_listed(client: Client) -> None:
    found = {model.model: model for model in client.list().models}
    assert set(found) == {f"{name}:latest" for name in ("starter", "stories", "vectors", "ranks")}
    starter = found["starter:latest"]
    assert starter.size == starter_path().stat().st_size
    assert len(starter.digest or "") == 64
    assert starter.details is not None
    assert (starter.details.family, starter.details.parameter_size) == ("llama", "3.6M")
    assert (starter.details.format, starter.details.quantization_level) == ("gguf", "Q8_0")
    assert starter.modified_at is not None


def test_what_a_model_is(client: Client) -> None:
    shown = client.show("starter")
    assert shown.capabilities is not None
    assert "completion" in shown.capabilities
    assert shown.modelinfo is not None
    assert shown.modelinfo["general.architecture"] == "llama"
    assert shown.modelinfo["llama.context_length"] == 1024
    assert "<|im_start|>" in (shown.template or "")
    assert client.show("vectors:latest").capabilities == ["embedding"]
    with pytest.raises(ollama.ResponseError) as caught:
        client.show("nobody")
    assert caught.value.status_code == 404


def test_a_model_that_thinks_says_so(lively_client: Client) -> None:
    assert "thinking" in (lively_client.show("thinker").capabilities or ())
    assert "thinking" not in (lively_client.show("endless").capabilities or ())


def test_loaded_kept_and_unloaded(client: Client, running: Running) -> None:
    def in_memory() -> dict[str, ollama.ProcessResponse.Model]:
        return {model.name or "": model for model in client.ps().models}

    loaded = client.chat("stories", [], keep_alive="10m")
    assert (loaded.done, loaded.done_reason, loaded.message.content) == (True, "load", "")
    found = in_memory()["stories:latest"]
    assert (found.size or 0) > 1e6
    assert found.size_vram == 0
    assert found.context_length
    now = datetime.now(timezone.utc)
    assert found.expires_at is not None
    assert abs(found.expires_at - now - timedelta(minutes=10)) < SOON
    client.generate("stories", "Once", keep_alive=-1, options={"num_predict": 1})
    expires = in_memory()["stories:latest"].expires_at
    assert expires is not None
    assert expires.year > 2200
    # A request that says nothing leaves it as it was.
    client.generate("stories", "Once", options={"num_predict": 1})
    assert (in_memory()["stories:latest"].expires_at or now).year > 2200

    (pid,) = [one.worker.pid for one in running.service.models.residents if one.name == "stories"]
    assert pid is not None
    assert process_memory(pid)[0]
    gone = client.generate("stories", keep_alive=0)
    assert (gone.done, gone.done_reason, gone.response) == (True, "unload", "")
    assert "stories:latest" not in in_memory()
    assert process_memory(pid) == (0, 0)
    # Not in memory: nothing is loaded only to be unloaded.
    assert client.chat("stories", [], keep_alive=0).done_reason == "unload"
    assert "stories:latest" not in in_memory()

    client.generate("stories", "Once", keep_alive=0, options={"num_predict": 1})
    running.until(lambda: "stories" not in [one.name for one in running.service.models.residents])


def test_versions_and_signs_of_life(client: Client, running: Running) -> None:
    assert running.http.get("/api/version").json()["version"].count(".") == 2
    assert running.http.head("/").status_code == running.http.get("/").status_code == 200
    assert running.http.head("/api/tags").status_code == 200


def test_what_is_left_to_the_owner_of_the_files(client: Client) -> None:
    asks: list[Callable[[], object]] = [
        lambda: client.pull("qwen"),
        lambda: client.push("starter"),
        lambda: client.create("mine", from_="starter"),
        lambda: client.copy("starter", "mine"),
        lambda: client.delete("starter"),
    ]
    for ask in asks:
        with pytest.raises(ollama.ResponseError) as caught:
            ask()
        assert caught.value.status_code == 400
        assert "This service" in caught.value.error
