"""GET /metrics: what is counted, whichever protocol asked for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from prometheus_client.parser import text_string_to_metric_families

from autoglm_lite.generation import Event, GenerateRequest, Prefill, Text, Waiting
from autoglm_lite.server.meter import Meter, MeteredWorker
from autoglm_lite.worker.client import Worker
from tests.server.serving import Running

QUESTION = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 6}


def figures(running: Running) -> dict[tuple[str, ...], float]:
    """By name and the values of labels."""
    found = running.http.get("/metrics")
    assert found.status_code == 200
    assert found.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name.removeprefix("autoglm_lite_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(found.text)
        for sample in family.samples
    }


def test_an_answer_is_counted(running: Running) -> None:
    before = figures(running)
    usage = running.http.post("/v1/chat/completions", json=QUESTION).json()["usage"]
    after = figures(running)

    def more(*name: str) -> float:
        return after[name] - before.get(name, 0)

    assert more("requests_total", "/v1/chat/completions", "POST", "200") == 1
    assert more("prompt_tokens_total") == usage["prompt_tokens"]
    assert more("completion_tokens_total") == usage["completion_tokens"]
    assert more("prompts_total") == 1
    assert more("time_to_first_token_seconds_count") == 1
    assert more("time_between_tokens_seconds_count") == usage["completion_tokens"] - 1
    assert after["queue_length",] == after["answers_in_progress",] == 0
    assert after["models_loaded",] >= 1
    assert after["model_loads_total",] >= 1
    assert after["worker_restarts_total",] == before["worker_restarts_total",]
    assert 1e7 < after["resident_memory_bytes", "service"] < 1e9
    assert after["resident_memory_bytes", "workers"] > 1e7


def test_a_prompt_that_was_read_before_is_a_hit(running: Running) -> None:
    asked = {**QUESTION, "messages": [{"role": "user", "content": "tell me what a cache is " * 5}]}
    running.http.post("/v1/chat/completions", json=asked)
    before = figures(running)
    running.http.post("/v1/chat/completions", json=asked)
    after = figures(running)
    assert after["cache_hits_total",] == before["cache_hits_total",] + 1
    assert after["cached_prompt_tokens_total",] > before["cached_prompt_tokens_total",]


def test_without_the_prefix_and_what_is_refused_are_counted_too(running: Running) -> None:
    before = figures(running)
    running.http.post("/chat/completions", json={"messages": []})
    running.http.get("/chat/completions")
    running.http.get("/a-secret-of-mine/" + "x" * 100)
    after = figures(running)
    name = "requests_total"
    assert after[name, "/v1/chat/completions", "POST", "400"] > before.get(
        (name, "/v1/chat/completions", "POST", "400"), 0
    )
    assert after[name, "other", "other", "405"] > before.get((name, "other", "other", "405"), 0)
    assert after[name, "other", "other", "404"] > before.get((name, "other", "other", "404"), 0)
    assert not any("secret" in label for labels in after for label in labels)


def test_where_a_request_is_and_what_came_of_it_until_it_was_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def events(self: Worker, request: GenerateRequest) -> AsyncGenerator[Event, None]:
        for event in (Waiting(1), Prefill(0, 10, 4), Prefill(6, 10, 4), Text("a", 1), Text("b", 2), Text("c", 1, 1)):
            yield event
            await asyncio.sleep(0.01)

    monkeypatch.setattr(Worker, "generate", events)
    meter = Meter()

    def value(name: str) -> float | None:
        return meter.registry.get_sample_value(f"autoglm_lite_{name}")

    async def asked() -> list[tuple[float | None, ...]]:
        async with aclosing(MeteredWorker(meter).generate(GenerateRequest("?", templated=False, n=2))) as answer:
            return [(value("queue_length"), value("answers_in_progress")) async for _ in answer]

    assert asyncio.run(asked()) == [(1, 0)] + 5 * [(0, 1)]
    assert value("queue_length") == value("answers_in_progress") == 0
    assert value("prompt_tokens_total") == 10
    assert value("cached_prompt_tokens_total") == 4
    assert value("completion_tokens_total") == 4
    assert value("time_to_first_token_seconds_count") == 1
    assert value("time_between_tokens_seconds_count") == 2
