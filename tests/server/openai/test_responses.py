"""/v1/responses through OpenAI's own client: what is asked, what is streamed, what is kept."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import openai
import pydantic
import pytest
from openai import OpenAI
from openai.types.responses import (
    Response,
    ResponseInputItemParam,
    ResponseStreamEvent,
)

from autoglm_lite.server.openai import response as ours
from tests.conftest import STORIES, convert
from tests.server.serving import Running, serving

EVENT: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(ResponseStreamEvent)
HELLO = "Hello"
CONVERT = "How do I convert a model?"
ONCE = "Once upon a time"
THINKS = (
    "{% for m in messages %}{{ m.reasoning_content }}{{ m.content }}\n{% endfor %}"
    "{% if enable_thinking is not defined or enable_thinking %}<think>{% endif %}"
)
GREEDY: dict[str, Any] = {"model": "starter", "temperature": 0}


def streamed(running: Running, **asked: Any) -> list[dict[str, Any]]:
    """The events of a stream, each of the form that OpenAI's client knows."""
    raw = running.http.post("/v1/responses", json={**GREEDY, **asked, "stream": True})
    assert raw.headers["content-type"].startswith("text/event-stream")
    events: list[dict[str, Any]] = []
    for block in raw.text.strip().split("\n\n"):
        if block.startswith(":"):
            continue
        name, data = block.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        assert event["sequence_number"] == len(events)
        EVENT.validate_python(event)
        if "response" in event:
            msgspec.convert(event["response"], ours.Response)
        events.append(event)
    return events


def kinds(events: list[dict[str, Any]]) -> list[str]:
    """Their types, without repetitions."""
    found = [event["type"].removeprefix("response.") for event in events]
    return [kind for i, kind in enumerate(found) if i == 0 or kind != found[i - 1]]


@pytest.fixture(scope="module")
def thinking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A model that thinks first, for as long as it may."""
    folder = tmp_path_factory.mktemp("thinker")
    shutil.copytree(STORIES, folder, dirs_exist_ok=True)
    for name, key, value in (
        ("config.json", "max_position_embeddings", 32768),
        ("tokenizer_config.json", "chat_template", THINKS),
    ):
        config = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({**config, key: value}))
    with serving(folder / "kept", {"thinker": convert(folder, folder / "thinker.gguf")}, "thinker") as found:
        yield found


def test_an_answer(client: OpenAI, running: Running) -> None:
    found = client.responses.create(**GREEDY, input=CONVERT, metadata={"for": "test"}, max_output_tokens=200)
    assert found.output_text.startswith("Run `autoglm-lite convert")
    assert (found.status, found.model, found.error, found.incomplete_details) == ("completed", "starter", None, None)
    assert (found.metadata, found.temperature, found.top_p, found.max_output_tokens) == ({"for": "test"}, 0, 0.9, 200)
    assert found.usage is not None
    assert found.usage.total_tokens == found.usage.input_tokens + found.usage.output_tokens
    assert found.usage.output_tokens > 10
    raw = running.http.get(f"/v1/responses/{found.id}").json()
    assert Response.model_validate(raw) == found == client.responses.retrieve(found.id)
    # The same without the prefix.
    assert running.http.get(f"/responses/{found.id}").json() == raw


def test_items_in_place_of_a_text(client: OpenAI) -> None:
    text = client.responses.create(**GREEDY, input=CONVERT, instructions="Be brief.", max_output_tokens=9)
    items: list[list[ResponseInputItemParam]] = [
        [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": CONVERT}],
        [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": CONVERT}]},
            {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Be brief."}]},
        ],
    ]
    for given in items:
        found = client.responses.create(**GREEDY, input=given, max_output_tokens=9)
        assert found.output_text == text.output_text
        assert found.usage is not None
        assert text.usage is not None
        assert found.usage.input_tokens == text.usage.input_tokens


def test_goes_on_from_a_response(client: OpenAI) -> None:
    system = "You help with autoglm-lite."
    first = client.responses.create(**GREEDY, input=CONVERT, instructions=system)
    second = client.responses.create(**GREEDY, input="And then?", previous_response_id=first.id, instructions=system)
    assert second.previous_response_id == first.id
    assert first.usage is not None
    assert second.usage is not None
    # All of the first exchange was read or written before.
    assert second.usage.input_tokens_details.cached_tokens >= first.usage.total_tokens - 1
    by_hand = client.responses.create(
        **GREEDY,
        instructions=system,
        store=False,
        input=[
            {"role": "user", "content": CONVERT},
            *[item.to_dict() for item in first.output],
            {"role": "user", "content": "And then?"},
        ],
    )
    assert by_hand.output_text == second.output_text
    assert by_hand.usage is not None
    assert by_hand.usage.input_tokens == second.usage.input_tokens
    # Instructions are not carried over.
    bare = client.responses.create(**GREEDY, input="And then?", previous_response_id=first.id, max_output_tokens=1)
    assert bare.usage is not None
    assert bare.usage.input_tokens < second.usage.input_tokens
    third = client.responses.create(**GREEDY, input="Thanks", previous_response_id=second.id, max_output_tokens=4)
    assert [item.type for item in client.responses.input_items.list(third.id, order="asc")] == ["message"] * 5


def test_a_restart_in_between(model_files: dict[str, Path], tmp_path: Path) -> None:
    asked = {**GREEDY, "input": CONVERT}
    with serving(tmp_path, model_files) as it, OpenAI(base_url=it.url, api_key="any", max_retries=0) as client:
        first = client.responses.create(**asked)
    with serving(tmp_path, model_files) as it, OpenAI(base_url=it.url, api_key="any", max_retries=0) as client:
        assert client.responses.retrieve(first.id) == first
        client.responses.create(**asked)
        second = client.responses.create(**{**asked, "input": "And then?"}, previous_response_id=first.id)
        assert second.usage is not None
        assert first.usage is not None
        assert second.usage.input_tokens > first.usage.total_tokens
        assert second.usage.input_tokens_details.cached_tokens >= first.usage.total_tokens - 1


def test_what_is_not_to_be_stored(client: OpenAI, running: Running) -> None:
    before = set(running.service.folder.rglob("*"))
    found = client.responses.create(**GREEDY, input=HELLO, store=False, max_output_tokens=4)
    assert set(running.service.folder.rglob("*")) == before
    with pytest.raises(openai.NotFoundError, match=f"There is no response '{found.id}' here"):
        client.responses.retrieve(found.id)
    with pytest.raises(openai.NotFoundError) as refused:
        client.responses.create(**GREEDY, input=HELLO, previous_response_id=found.id)
    assert refused.value.param == "previous_response_id"
    assert refused.value.type == "not_found_error"


@pytest.mark.parametrize("asked", ["resp_" + "0" * 32, "resp_1", "../conversations", "..", "%2e%2e%2fetc", "a" * 200])
def test_unknown_responses(running: Running, asked: str) -> None:
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/input_items")):
        found = running.http.request(method, f"/v1/responses/{asked}{path}")
        assert found.status_code in (404, 405)
        assert "There is" in found.text or "does not take" in found.text


@pytest.mark.parametrize("prefix", ["", "/v1"])
def test_what_its_address_takes(running: Running, prefix: str) -> None:
    found = running.http.put(f"{prefix}/responses/resp_1")
    assert (found.status_code, found.headers["allow"]) == (405, "DELETE, GET, HEAD")
    assert running.http.get(f"{prefix}/responses").headers["allow"] == "POST"


def test_deleted(client: OpenAI, running: Running) -> None:
    first = client.responses.create(**GREEDY, input=HELLO, max_output_tokens=4)
    second = client.responses.create(**GREEDY, input=HELLO, previous_response_id=first.id, max_output_tokens=4)
    assert running.http.delete(f"/v1/responses/{first.id}").json() == {
        "id": first.id,
        "object": "response",
        "deleted": True,
    }
    with pytest.raises(openai.NotFoundError):
        client.responses.delete(first.id)
    # Those that came after it stand by themselves.
    assert client.responses.create(
        **GREEDY, input=HELLO, previous_response_id=second.id, max_output_tokens=4
    ).output_text


def test_what_a_response_answered(client: OpenAI) -> None:
    texts = ["one", "two", "three"]
    asked: list[ResponseInputItemParam] = [{"role": "user", "content": text} for text in texts]
    found = client.responses.create(**GREEDY, input=asked, max_output_tokens=1)
    pages = client.responses.input_items.list(found.id, limit=2, order="asc")
    assert (len(pages.data), pages.has_more) == (2, True)
    # The client asks for the pages that follow.
    items = [item.to_dict() for item in pages]
    assert [item["content"][0]["text"] for item in items] == texts  # type: ignore[index]
    backwards = [item.to_dict() for item in client.responses.input_items.list(found.id)]
    assert backwards == items[::-1]
    for refused in ({"limit": 0}, {"limit": 101}, {"order": "random"}):
        with pytest.raises(openai.BadRequestError):
            client.responses.input_items.list(found.id, **refused)


def test_every_event_of_a_text(client: OpenAI, running: Running) -> None:
    events = streamed(running, input=CONVERT)
    assert kinds(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert (events[0]["response"]["status"], events[0]["response"]["output"]) == ("in_progress", [])
    deltas = [event["delta"] for event in events if event["type"] == "response.output_text.delta"]
    assert len(deltas) >= 2
    final = events[-1]["response"]
    assert final["output"] == [events[-2]["item"]]
    assert final["output"][0]["content"][0]["text"] == events[-4]["text"] == "".join(deltas)
    assert Response.model_validate(final) == client.responses.retrieve(final["id"])
    whole = client.responses.create(**GREEDY, input=CONVERT)
    assert whole.output_text == "".join(deltas)


def test_a_stream_gathered_by_the_client(client: OpenAI) -> None:
    with client.responses.stream(**GREEDY, input=CONVERT) as stream:
        texts = [event.snapshot for event in stream if event.type == "response.output_text.delta"]
        assert stream.get_final_response().output_text == texts[-1]


def test_no_room_for_all_of_it(running: Running) -> None:
    events = streamed(running, input=CONVERT, max_output_tokens=5)
    assert events[-1]["type"] == "response.incomplete"
    final = events[-1]["response"]
    assert (final["status"], final["completed_at"]) == ("incomplete", None)
    assert final["incomplete_details"] == {"reason": "max_output_tokens"}
    assert final["usage"]["output_tokens"] == 5
    assert final["output"][0]["status"] == "incomplete"


class Person(pydantic.BaseModel):
    name: str = pydantic.Field(max_length=12)
    old: bool


def test_structured_output(client: OpenAI) -> None:
    found = client.responses.parse(model="starter", input="Who?", text_format=Person, temperature=1)
    assert isinstance(found.output_parsed, Person)
    assert found.text is not None
    assert found.text.format is not None
    assert found.text.format.type == "json_schema"
    plain = client.responses.create(
        model="starter", input="Who?", text={"format": {"type": "json_object"}}, max_output_tokens=300
    )
    if plain.status == "completed":
        assert isinstance(json.loads(plain.output_text), dict)
    assert plain.output_text.lstrip().startswith("{")
    broken: Any = {"type": "json_schema", "name": "a", "schema": {"type": "nothing"}}
    with pytest.raises(openai.BadRequestError, match="The JSON schema cannot be followed"):
        client.responses.create(**GREEDY, input="Who?", text={"format": broken})


def test_log_probabilities(client: OpenAI, running: Running) -> None:
    asked: dict[str, Any] = {"input": HELLO, "max_output_tokens": 6, "top_logprobs": 2}
    found = client.responses.create(**GREEDY, **asked, include=["message.output_text.logprobs"])
    (item,) = found.output
    assert item.type == "message"
    part = item.content[0]
    assert part.type == "output_text"
    assert part.logprobs is not None
    assert "".join(one.token for one in part.logprobs).strip() == part.text.strip()
    assert all(one.logprob <= 0 and len(one.top_logprobs) == 2 for one in part.logprobs)
    events = streamed(running, **asked)
    deltas = [one for event in events if "delta" in event for one in event["logprobs"]]
    done = next(event for event in events if event["type"] == "response.output_text.done")
    assert [one["token"] for one in done["logprobs"]] == [one.token for one in part.logprobs]
    assert deltas == done["logprobs"][: len(deltas)]


def test_what_a_model_thinks(thinking: Running) -> None:
    asked: dict[str, Any] = {"model": "thinker", "input": ONCE, "reasoning": {"effort": "minimal"}, "store": False}
    events = streamed(thinking, **asked, max_output_tokens=140)
    assert kinds(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "reasoning_text.delta",
        "reasoning_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "incomplete",
    ]
    final = events[-1]["response"]
    thought, said = final["output"]
    assert (thought["type"], thought["status"], thought["summary"]) == ("reasoning", "completed", [])
    deltas = [event["delta"] for event in events if event["type"] == "response.reasoning_text.delta"]
    assert thought["content"] == [{"type": "reasoning_text", "text": "".join(deltas)}]
    assert said["content"][0]["text"]
    # minimal: 128 tokens, and those that close it. What comes in one piece with the end of it is counted to it.
    assert 128 <= final["usage"]["output_tokens_details"]["reasoning_tokens"] <= 140
    assert final["usage"]["output_tokens"] == 140
    with OpenAI(base_url=thinking.url, api_key="any", max_retries=0) as client:
        none = client.responses.create(model="thinker", input=ONCE, reasoning={"effort": "none"}, max_output_tokens=9)
        assert [item.type for item in none.output] == ["message"]
        # What was thought is fed back: the template of this model shows it.
        fed = [{"role": "user", "content": ONCE}, thought, said, {"role": "user", "content": "And?"}]
        prompts = []
        for items in (fed, [fed[0], *fed[2:]]):
            found = client.responses.create(input=items, max_output_tokens=1)
            assert found.usage is not None
            prompts.append(found.usage.input_tokens)
        assert prompts[0] > prompts[1] + 50


PNG = "data:image/png;base64,iVBORw0KGgo="


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"input": []}, "input: expected `array` of length >= 1"),
        ({"input": [{"role": "user"}]}, "input[0]: a message needs `role` and `content`"),
        ({"input": [{"type": "function_call", "name": "a"}]}, "input[0]: a function_call needs `call_id`"),
        ({"input": [{"type": "function_call_output"}]}, "input[0]: a function_call_output needs"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0]: items cannot be referred to"),
        ({"input": [{"type": "computer_call"}]}, "input[0].type: invalid enum value 'computer_call'"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": PNG}]}]}, "cannot see pictures"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "file:///etc/passwd"}]}]},
            "no address is opened",
        ),
        ({"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]}, "Files cannot be read"),
        ({"tools": [{"type": "web_search"}]}, "This service has no tool 'web_search' of its own"),
        ({"tools": [{"type": "function"}]}, "a function needs a name"),
        ({"tool_choice": "required"}, "tool_choice demands a call of a tool"),
        ({"tool_choice": {"type": "function", "name": "a"}}, "tool_choice names 'a'"),
        ({"background": True}, "does not answer in the background"),
        ({"conversation": "conv_1"}, "no stored conversations"),
        ({"prompt": {"id": "pmpt_1"}}, "no stored prompts"),
        ({"reasoning": {"effort": "enormous"}}, "reasoning.effort: invalid enum value 'enormous'"),
        ({"max_output_tokens": 0}, "max_output_tokens: expected `int` >= 1"),
        ({"metadata": {"a": 1}}, "expected `str`, got `int`"),
        ({"metadata": {str(i): "" for i in range(17)}}, "metadata: expected `object` of length <= 16"),
        ({"include": ["everything"]}, "include[0]: invalid enum value 'everything'"),
    ],
)
def test_what_is_refused(running: Running, fields: dict[str, object], sentence: str) -> None:
    for stream in (False, True):
        found = running.http.post("/v1/responses", json={"input": "a", **fields, "stream": stream})
        assert found.status_code == 400
        assert sentence in found.json()["error"]["message"]


def test_what_is_passed_over(client: OpenAI) -> None:
    """Clients send much that means something to OpenAI alone."""
    found = client.responses.create(
        **GREEDY,
        input=HELLO,
        max_output_tokens=2,
        truncation="auto",
        include=["reasoning.encrypted_content"],
        service_tier="auto",
        user="somebody",
        prompt_cache_key="a",
        text={"verbosity": "low"},
        reasoning={"effort": None, "summary": "auto"},
    )
    assert found.truncation == "disabled"
    assert found.reasoning is not None
    assert found.reasoning.summary is None


def test_a_prompt_that_does_not_fit(client: OpenAI) -> None:
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError) as refused:
            client.responses.create(**GREEDY, input="the cat " * 9000, stream=stream, truncation="auto")
        assert refused.value.code == "context_length_exceeded"
        assert isinstance(refused.value.body, dict)
        assert refused.value.body["n_prompt_tokens"] > refused.value.body["n_ctx"] > 0


def test_who_goes_away_stops_the_work(thinking: Running, caplog: pytest.LogCaptureFixture) -> None:
    before = set(thinking.service.folder.rglob("*.json"))
    with OpenAI(base_url=thinking.url, api_key="any", max_retries=0) as client:
        stream = client.responses.create(input=ONCE, stream=True)
        next(event for event in stream if event.type == "response.reasoning_text.delta")
        (worker,) = (one.worker for one in thinking.service.models.residents)
        assert worker.seconds_idle is None
        stream.close()
        thinking.until(lambda: worker.seconds_idle is not None)
        # It would have gone on for 32,000 tokens.
        assert set(thinking.service.folder.rglob("*.json")) == before
    assert not caplog.text


def test_a_worker_that_dies_midway(model_files: dict[str, Path], tmp_path: Path) -> None:
    with serving(tmp_path, model_files) as it:
        asked = {"model": "starter", "input": HELLO, "temperature": 20, "top_p": 1, "stream": True}
        with it.http.stream("POST", "/v1/responses", json=asked) as raw:
            lines = raw.iter_lines()
            next(line for line in lines if line == "event: response.output_text.delta")
            pid = it.service.models.residents[0].worker.pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            data = [line for line in lines if line.startswith("data: ")]
        last = json.loads(data[-1].removeprefix("data: "))
        assert last["type"] == "response.failed"
        EVENT.validate_python(last)
        assert last["response"]["status"] == "failed"
        assert last["response"]["error"]["code"] == "server_error"
        assert "process was killed" in last["response"]["error"]["message"]
        assert not list(tmp_path.rglob("*.json"))
        # The next one is answered.
        again = it.http.post("/v1/responses", json={"model": "starter", "input": HELLO, "max_output_tokens": 2}).json()
        assert again["status"] == "incomplete"
