"""Conversations through Ollama's own client."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from datetime import datetime
from typing import Any

import jsonschema
import ollama
import pytest
from ollama import AsyncClient, Client
from pydantic import BaseModel

from tests.server.serving import Running, endless, until_busy, until_idle
from tests.worker.test_worker import STORY

WHO = [{"role": "user", "content": "Hello, who are you?"}]
EXACT = {"temperature": 0}


def test_answers_whole_and_in_pieces_alike(client: Client) -> None:
    whole = client.chat("starter", WHO, options=EXACT)
    assert "starter" in (whole.message.content or "")
    assert (whole.model, whole.message.role, whole.done, whole.done_reason) == ("starter", "assistant", True, "stop")
    pieces = list(client.chat("starter", WHO, stream=True, options=EXACT))
    assert "".join(piece.message.content or "" for piece in pieces) == whole.message.content
    assert [piece.done for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    for end in (whole, pieces[-1]):
        assert end.prompt_eval_count == whole.prompt_eval_count
        assert end.eval_count == whole.eval_count
        assert None not in (end.total_duration, end.load_duration, end.prompt_eval_duration, end.eval_duration)
        assert (end.total_duration or 0) >= (end.load_duration or 0) > 0
        assert datetime.fromisoformat((end.created_at or "").replace("Z", "+00:00")).tzinfo is not None


def test_streams_lines_unless_told_not_to(running: Running) -> None:
    answer = running.http.post("/api/chat", json={"model": "starter:latest", "messages": WHO})
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert len(lines) > 1
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    assert {line["model"] for line in lines} == {"starter:latest"}
    answer = running.http.post("/api/chat", json={"model": "starter", "messages": WHO, "stream": False})
    assert answer.headers["content-type"] == "application/json"


def test_options_have_their_effect(client: Client) -> None:
    def said(**options: Any) -> ollama.ChatResponse:
        return client.chat("stories", [{"role": "user", "content": "Once upon a time"}], options=options)

    short = said(num_predict=5, temperature=0, num_ctx=77)
    assert (short.eval_count, short.done_reason) == (5, "length")
    assert STORY.startswith(short.message.content or "-")
    drawn = [said(num_predict=20, temperature=2.0, seed=seed).message.content for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert (
        said(num_predict=20, temperature=2.0, seed=3, top_k=1).message.content
        == said(num_predict=20, temperature=0).message.content
    )
    stopped = said(num_predict=60, temperature=0, stop=["little"])
    assert stopped.done_reason == "stop"
    assert "little" not in (stopped.message.content or "")


def test_an_answer_that_the_client_began_goes_on(client: Client) -> None:
    began = {"role": "assistant", "content": "I am the starter: a tiny"}
    whole = client.chat("starter", WHO, options=EXACT).message.content or ""
    assert whole.startswith(began["content"])
    assert began["content"] + (client.chat("starter", [*WHO, began], options=EXACT).message.content or "") == whole


class Pet(BaseModel):
    name: str
    age: int


def test_structured_output(client: Client) -> None:
    found = client.chat("starter", WHO, format=Pet.model_json_schema(), options={"num_predict": 200, "seed": 4})
    Pet.model_validate_json(found.message.content or "")
    found = client.chat("starter", WHO, format="json", options={"num_predict": 300, "seed": 4})
    text = found.message.content or ""
    assert text.lstrip().startswith("{")
    if found.done_reason == "stop":
        jsonschema.validate(json.loads(text), {"type": "object"})


def test_log_probabilities(client: Client) -> None:
    found = client.chat("starter", WHO, logprobs=True, top_logprobs=2, options={**EXACT, "num_predict": 6})
    assert found.logprobs is not None
    assert "".join(one.token for one in found.logprobs) == found.message.content
    for one in found.logprobs:
        assert one.top_logprobs is not None
        assert one.top_logprobs[0].token == one.token
        assert len(one.top_logprobs) == 2


def test_thinking_comes_apart_and_can_be_left_out(lively_client: Client) -> None:
    pieces = list(lively_client.chat("thinker", WHO, think="low", stream=True, options={"num_predict": 530}))
    kinds = ["thinking" if piece.message.thinking else "content" for piece in pieces]
    assert kinds == sorted(kinds, reverse=True)
    assert len(set(kinds)) == 2
    for piece in pieces:
        assert "think>" not in (piece.message.thinking or "") + (piece.message.content or "")
    unended = lively_client.chat("thinker", WHO, think=True, options={"num_predict": 20}).message
    assert (bool(unended.thinking), unended.content) == (True, "")
    without = lively_client.chat("thinker", WHO, think=False, options={"num_predict": 20}).message
    assert (without.thinking, bool(without.content)) == (None, True)


def test_errors(client: Client, running: Running) -> None:
    def refused(status: int, **asked: Any) -> str:
        with pytest.raises(ollama.ResponseError) as caught:
            client.chat(**{"model": "starter", "messages": WHO, **asked})
        assert caught.value.status_code == status
        # Before a stream has begun it is the same.
        with pytest.raises(ollama.ResponseError) as again:
            list(client.chat(**{"model": "starter", "messages": WHO, **asked, "stream": True}))
        assert (again.value.status_code, again.value.error) == (status, caught.value.error)
        return caught.value.error

    assert "'nobody'" in refused(404, model="nobody")
    assert "only makes embeddings" in refused(400, model="vectors")
    assert refused(503, model="broken")
    too_long = refused(400, messages=[{"role": "user", "content": "word " * 3000}])
    assert "tokens" in too_long
    assert "1024" in too_long
    assert "pictures" in refused(400, messages=[{**WHO[0], "images": [b"\x89PNG..."]}])
    assert "temperature" in refused(400, options={"temperature": -1})
    assert "keep_alive" in refused(400, keep_alive="soon")
    assert refused(400, format={"type": "object", "properties": {"a": {"$ref": "https://example.com/a.json"}}})
    for image in ("file:///etc/passwd", "http://169.254.169.254/latest", "http://127.0.0.1:1/x"):
        body = {"model": "starter", "messages": [{**WHO[0], "images": [image]}]}
        answer = running.http.post("/api/chat", json=body)
        assert answer.status_code == 400
        assert "no address is opened" in answer.json()["error"]
    answer = running.http.post("/api/chat", content=b"{")
    assert (answer.status_code, list(answer.json())) == (400, ["error"])


def test_a_client_that_goes_away_stops_the_work(lively: Running, lively_client: Client) -> None:
    pieces = lively_client.chat("endless", WHO, stream=True, options={"temperature": 1.5})
    for _ in range(3):
        next(pieces)
    assert endless(lively).n_users == 1
    pieces.close()  # type: ignore[attr-defined]
    until_idle(endless(lively))

    async def whole_and_gone() -> None:
        asking = asyncio.create_task(AsyncClient(lively.url).chat("endless", WHO, options={"temperature": 1.5}))
        await until_busy(endless(lively))
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    asyncio.run(whole_and_gone())
    until_idle(endless(lively))


def test_a_stream_that_breaks_off_says_so(lively: Running, lively_client: Client) -> None:
    pieces = lively_client.chat("endless", WHO, stream=True, options={"temperature": 1.5})
    next(pieces)
    pid = endless(lively).worker.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(ollama.ResponseError) as caught:
        list(pieces)
    assert "was killed" in caught.value.error
    assert lively_client.chat("endless", WHO, options={"num_predict": 3}).eval_count == 3


def test_who_waits_gets_lines_without_text(lively: Running, lively_client: Client) -> None:
    said = []
    body = {"model": "endless", "messages": WHO, "options": {"num_predict": 3}}
    first = lively_client.chat("endless", WHO, stream=True, options={"temperature": 1.5})
    try:
        next(iter(first))
        with lively.http.stream("POST", "/api/chat", json=body) as second:
            for line in second.iter_lines():
                said.append(json.loads(line))
                if len(said) == 1:
                    first.close()  # type: ignore[attr-defined]
    finally:
        first.close()  # type: ignore[attr-defined]
    assert said[0]["message"] == {"role": "assistant", "content": ""}
    assert [one["done"] for one in said] == [False] * (len(said) - 1) + [True]
    assert said[-1]["eval_count"] == 3
