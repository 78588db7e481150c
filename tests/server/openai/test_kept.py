"""Responses on disk: whole or not at all, for their owner alone, and not for ever."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from openai import OpenAI

from autoglm_lite.errors import HistoryError
from autoglm_lite.generation import Sampling
from autoglm_lite.server.openai import kept
from autoglm_lite.server.openai.asked import ResponseRequest, items_of
from autoglm_lite.server.openai.kept import Conversation, Kept
from autoglm_lite.server.openai.response import started
from autoglm_lite.store import starter_path
from tests.server.process import PATIENCE, Served
from tests.server.serving import Running, serving
from tests.worker.serving import free_port


def conversation(text: str = "hello") -> Conversation:
    body = ResponseRequest(text)
    return Conversation(items_of(text), started(body, "starter", Sampling()))


def test_for_their_owner_alone(tmp_path: Path) -> None:
    here, made = Kept(tmp_path / "data" / "responses"), conversation()
    here.save(made)
    (path,) = here.folder.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert here.folder.stat().st_mode & 0o777 == here.folder.parent.stat().st_mode & 0o777 == 0o700
    assert here.load(made.response.id) == made


def test_the_old_go_when_another_comes(tmp_path: Path) -> None:
    here, old, new = Kept(tmp_path), conversation(), conversation()
    here.save(old)
    (path,) = tmp_path.iterdir()
    long_ago = time.time() - kept.SECONDS - 60
    os.utime(path, (long_ago, long_ago))
    here.save(new)
    assert [here.load(one.response.id) for one in (old, new)] == [None, new]


@pytest.mark.parametrize(("limit", "value"), [("MOST", 2), ("MOST_BYTES", 5000)])
def test_so_many_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    monkeypatch.setattr(kept, limit, value)
    monkeypatch.setattr(kept, "SECONDS", 1e10)
    here = Kept(tmp_path)
    ids = []
    for i in range(5):
        made = conversation("a" * 1000)
        here.save(made)
        ids.append(made.response.id)
        os.utime(tmp_path / f"{made.response.id}.json", (1e9 + i, 1e9 + i))
    assert [id_ for id_ in ids if here.load(id_)] == ids[-2:]


def test_what_is_damaged_is_not_there(tmp_path: Path) -> None:
    here, made = Kept(tmp_path), conversation()
    here.save(made)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for damaged in (b"", whole[:-1], b"[" * 100_000, b"{}", b"\xff" * 10):
        path.write_bytes(damaged)
        assert here.load(made.response.id) is None
    assert here.delete(made.response.id)
    assert not here.delete(made.response.id)


def test_no_id_leads_out_of_the_folder(tmp_path: Path) -> None:
    outside = tmp_path / "secret.json"
    outside.write_text("{}")
    here = Kept(tmp_path / "kept")
    here.folder.mkdir()
    for asked in ("../secret", "resp_../secret", str(outside), "", "resp_" + "0" * 31 + "\n"):
        assert here.load(asked) is None
        assert not here.delete(asked)
    assert outside.exists()


def test_an_answer_is_given_though_it_cannot_be_kept(
    model_files: dict[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").write_text("no folder")
    with pytest.raises(HistoryError):
        Kept(tmp_path / "data" / "responses").save(conversation())
    with serving(tmp_path / "data", model_files) as it:
        found = it.http.post("/v1/responses", json={"input": "Hello", "max_output_tokens": 3})
        assert found.status_code == 200
        assert found.json()["output"]
        assert found.json()["store"] is False
    assert "The response cannot be kept: Not a directory." in capfd.readouterr().err


def test_nothing_else_lies_beside_them(running: Running) -> None:
    asked = {"input": "Hello", "max_output_tokens": 2}
    response_id = running.http.post("/v1/responses", json=asked).json()["id"]
    names = {path.name for path in (running.service.folder / "responses").iterdir()}
    assert f"{response_id}.json" in names
    assert not [name for name in names if name.startswith(".")]


@contextmanager
def killed_at_the_end(port: int) -> Iterator[OpenAI]:
    """Asks the command itself, with the starter alone."""
    command = [sys.executable, "-m", "autoglm_lite", "serve", str(starter_path()), "--port", str(port), "--no-auth"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            found = Served(f"http://127.0.0.1:{port}", process.pid)
            found.until_answers()
            with OpenAI(base_url=found.url, api_key="any", max_retries=0, timeout=PATIENCE) as client:
                yield client
        finally:
            process.kill()


def test_survives_the_service_being_killed_at_once() -> None:
    port = free_port()
    with killed_at_the_end(port) as client:
        stream = client.responses.create(input="How do I convert a model?", stream=True)
        found = next(event.response for event in stream if event.type == "response.completed")
    with killed_at_the_end(port) as client:
        assert client.responses.retrieve(found.id) == found
        second = client.responses.create(input="And then?", previous_response_id=found.id)
        assert second.output_text
        assert len(client.responses.input_items.list(second.id).data) == 3
