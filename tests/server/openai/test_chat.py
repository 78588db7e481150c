"""Chat completions through OpenAI's own client."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam

from autoglm_lite.generation import TokenLogprob
from autoglm_lite.server.openai.answer import logprobs
from autoglm_lite.server.openai.completion import Offsets
from tests.server.serving import Running

SUM: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is 2+3?"}]
CHINESE: list[ChatCompletionMessageParam] = [{"role": "user", "content": "你好"}]
THINKING = 'root ::= "<think>" "yes"'
"""The grammar does not hold for what is thought, and the closing tag is written in the model's name."""


def test_an_answer(client: OpenAI) -> None:
    whole = client.chat.completions.create(model="starter", messages=SUM, temperature=0)
    (choice,) = whole.choices
    assert (choice.message.role, choice.message.content) == ("assistant", "2 + 3 = 5.")
    assert (choice.finish_reason, choice.message.tool_calls, choice.logprobs) == ("stop", None, None)
    assert (whole.object, whole.model) == ("chat.completion", "starter")
    assert whole.usage is not None
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
    again = client.chat.completions.create(model="starter", messages=SUM, temperature=0)
    assert again.id != whole.id
    assert again.usage is not None
    assert again.usage.prompt_tokens_details is not None
    # All but the last token was read before.
    assert again.usage.prompt_tokens_details.cached_tokens == again.usage.prompt_tokens - 1


@pytest.mark.parametrize("messages", [SUM, CHINESE])
def test_a_stream_is_the_same_text(client: OpenAI, messages: list[ChatCompletionMessageParam]) -> None:
    whole = client.chat.completions.create(model="starter", messages=messages, temperature=0)
    chunks = list(
        client.chat.completions.create(
            model="starter", messages=messages, temperature=0, stream=True, stream_options={"include_usage": True}
        )
    )
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1])
    assert text == whole.choices[0].message.content
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]][-2:] == [None, "stop"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert whole.usage is not None
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


def test_characters_of_many_bytes_stay_whole(running: Running) -> None:
    text = "é世界😀👩‍👩‍👧ß"
    body = {"messages": SUM, "grammar": f'root ::= "{text}"'}
    assert running.http.post("/v1/chat/completions", json=body).json()["choices"][0]["message"]["content"] == text
    pieces = [
        choice["delta"].get("content", "")
        for chunk in streamed(running, {**body, "top_k": 1})
        for choice in chunk["choices"]
    ]
    assert "".join(pieces) == text
    assert "\ufffd" not in "".join(pieces)


def test_parts_and_roles(client: OpenAI, running: Running) -> None:
    parts: Any = [{"type": "text", "text": "What is"}, {"type": "text", "text": "2+3?"}]
    lines = client.chat.completions.create(
        model="starter", messages=[{"role": "user", "content": "What is\n2+3?"}], max_tokens=3, temperature=0
    )
    found = client.chat.completions.create(
        model="starter", messages=[{"role": "user", "content": parts}], max_tokens=3, temperature=0
    )
    assert found.choices == lines.choices
    assert found.usage is not None
    assert lines.usage is not None
    assert found.usage.prompt_tokens == lines.usage.prompt_tokens
    told: list[ChatCompletionMessageParam] = [
        {"role": "system", "content": "Be short."},
        {"role": "developer", "content": "Be short."},
    ]
    tokens = [
        client.chat.completions.create(model="starter", messages=[first, *SUM], max_tokens=1).usage for first in told
    ]
    assert tokens[0] is not None
    assert tokens[1] is not None
    assert tokens[0].prompt_tokens == tokens[1].prompt_tokens > len("Be short.") // 3


def test_choices_interleave(client: OpenAI) -> None:
    whole = client.chat.completions.create(
        model="endless", messages=SUM, n=3, max_tokens=60, seed=7, temperature=1.5, top_p=1
    )
    texts = [choice.message.content for choice in whole.choices]
    assert len(set(texts)) == 3
    streamed, order = ["", "", ""], []
    for chunk in client.chat.completions.create(
        model="endless", messages=SUM, n=3, max_tokens=60, seed=7, temperature=1.5, top_p=1, stream=True
    ):
        (choice,) = chunk.choices
        streamed[choice.index] += choice.delta.content or ""
        if choice.delta.content:
            order.append(choice.index)
    assert streamed == texts
    assert order != sorted(order)
    assert whole.usage is not None
    assert whole.usage.completion_tokens == 180


def test_logprobs(client: OpenAI) -> None:
    whole = client.chat.completions.create(model="starter", messages=SUM, temperature=0, logprobs=True, top_logprobs=4)
    found = whole.choices[0].logprobs
    assert found is not None
    assert found.content is not None
    text = b"".join(bytes(one.bytes or ()) for one in found.content)
    assert text.decode() == whole.choices[0].message.content
    for one in found.content:
        assert len(one.top_logprobs) == 4
        assert one.top_logprobs[0].token == one.token
        assert one.top_logprobs[0].logprob == one.logprob <= 0
    streamed = [
        one.token
        for chunk in client.chat.completions.create(
            model="starter", messages=SUM, temperature=0, logprobs=True, stream=True
        )
        for one in (chunk.choices[0].logprobs and chunk.choices[0].logprobs.content) or ()
    ]
    assert streamed == [one.token for one in found.content]


def test_bias_and_stop(client: OpenAI, running: Running) -> None:
    (two,) = running.http.post("/tokenize", json={"content": "2"}).json()["tokens"]
    whole = client.chat.completions.create(
        model="starter", messages=SUM, temperature=0, max_tokens=4, logit_bias={str(two): -100}
    )
    assert "2" not in (whole.choices[0].message.content or "")
    stopped = client.chat.completions.create(model="starter", messages=SUM, temperature=0, stop=["=", "never"])
    assert stopped.choices[0].message.content == "2 + 3 "
    assert stopped.choices[0].finish_reason == "stop"


def test_lengths(client: OpenAI) -> None:
    lengths: list[dict[str, Any]] = [{"max_tokens": 2}, {"max_completion_tokens": 2, "max_tokens": 9}]
    for length in lengths:
        whole = client.chat.completions.create(model="starter", messages=SUM, temperature=0, extra_body=length)
        assert whole.choices[0].finish_reason == "length"
        assert whole.usage is not None
        assert whole.usage.completion_tokens == 2


def test_reasoning_apart_from_the_answer(running: Running) -> None:
    body = {"messages": SUM, "grammar": THINKING, "thinking_tokens": 7, "temperature": 0}
    whole = running.http.post("/v1/chat/completions", json=body).json()
    message = whole["choices"][0]["message"]
    assert message["content"] == "yes"
    assert message["reasoning_content"]
    # With the tokens of the opening tag, of which this model needs several.
    assert 7 <= whole["usage"]["completion_tokens_details"]["reasoning_tokens"] < whole["usage"]["completion_tokens"]
    deltas = [choice["delta"] for chunk in streamed(running, body) for choice in chunk["choices"]]
    assert "".join(delta.get("content", "") for delta in deltas) == "yes"
    assert "".join(delta.get("reasoning_content", "") for delta in deltas) == message["reasoning_content"]


@pytest.mark.parametrize(
    "off", [{"reasoning_effort": "none"}, {"chat_template_kwargs": {"enable_thinking": False}}, {"thinking_tokens": 0}]
)
def test_thinking_off(running: Running, off: dict[str, Any]) -> None:
    body = {"messages": SUM, "grammar": THINKING, "temperature": 0, **off}
    message = running.http.post("/v1/chat/completions", json=body).json()["choices"][0]["message"]
    assert message["content"] == "yes"
    assert len(message.get("reasoning_content", "")) < 8


def test_what_was_thought_before_goes_to_the_template(running: Running) -> None:
    said = {"role": "assistant", "content": "5", "reasoning_content": "2 and 3 make 5"}
    body = {"messages": [*SUM, said, *SUM], "max_tokens": 2, "reasoning_effort": "low"}
    assert running.http.post("/v1/chat/completions", json=body).status_code == 200


def test_progress_of_reading(running: Running) -> None:
    long = [{"role": "user", "content": "What is 2+3? " * 120}]
    chunks = streamed(running, {"messages": long, "max_tokens": 2, "return_progress": True})
    told = [chunk["prompt_progress"] for chunk in chunks if "prompt_progress" in chunk]
    assert told[-1]["processed"] == told[-1]["total"] > 500
    assert [one["processed"] for one in told] == sorted(one["processed"] for one in told)
    assert chunks[-1]["timings"]["prompt_n"] + chunks[-1]["timings"]["cache_n"] == told[-1]["total"]


IMAGE = "data:image/png;base64,iVBORw0KGgo="


@pytest.mark.parametrize(
    ("wrong", "sentence", "param"),
    [
        ({"messages": []}, "messages: expected `array` of length >= 1", "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "invalid value 'wizard'", "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "missing required field `content`", "messages[0]"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "input_audio", None),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": IMAGE}}]}]},
            "cannot see pictures",
            None,
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "file:///etc/hostname"}]}]},
            "no address is opened",
            None,
        ),
        ({"n": 99}, "n: expected `int` <= 4", "n"),
        ({"top_logprobs": 3}, "set logprobs to true", None),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs: expected `int` <= 20", "top_logprobs"),
        ({"response_format": {"type": "xml"}}, "xml", None),
        ({"response_format": {"type": "json_object"}, "grammar": 'root ::= "a"'}, "give one of them", None),
        ({"grammar": "root ::= root"}, "grammar cannot be used", None),
        ({"tool_choice": "required"}, "there are no tools", None),
        ({"stop": "x" * 2000}, "stop", None),
        ({"logit_bias": {"12": 101}}, "<= 100", None),
        ({"temperature": "hot"}, "temperature: expected `float | null`, got `str`", "temperature"),
        (
            {
                "messages": [
                    *SUM,
                    {
                        "role": "assistant",
                        "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{"}}],
                    },
                ]
            },
            "no JSON object",
            None,
        ),
    ],
)
def test_what_is_refused(running: Running, wrong: dict[str, Any], sentence: str, param: str | None) -> None:
    for stream in (False, True):
        body = {"messages": SUM, "max_tokens": 3, "stream": stream, **wrong}
        answer = running.http.post("/v1/chat/completions", json=body)
        assert answer.status_code == 400, answer.text
        error = answer.json()["error"]
        assert sentence in error["message"]
        assert error["type"] == "invalid_request_error"
        if param is not None:
            assert error["param"] == param


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b'"x"', b"[" * 100_000, b'{"messages": "\\ud800"}'])
def test_no_json(running: Running, body: bytes) -> None:
    answer = running.http.post("/v1/chat/completions", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_a_conversation_that_does_not_fit(client: OpenAI) -> None:
    long: list[ChatCompletionMessageParam] = [{"role": "user", "content": "word " * 100_000}]
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(model="starter", messages=long, stream=stream)
        assert (caught.value.code, caught.value.type) == ("context_length_exceeded", "exceed_context_size_error")
        assert isinstance(caught.value.body, dict)
        assert caught.value.body["n_prompt_tokens"] > caught.value.body["n_ctx"]


def test_without_the_prefix_and_with_unknown_fields(running: Running) -> None:
    body = {"messages": SUM, "max_tokens": 2, "user": "me", "store": True, "metadata": {"a": "b"}, "model": ""}
    assert running.http.post("/chat/completions", json=body).json()["model"] == "starter"


def streamed(running: Running, body: dict[str, Any]) -> list[dict[str, Any]]:
    answer = running.http.post("/v1/chat/completions", json={**body, "stream": True})
    assert answer.headers["content-type"].startswith("text/event-stream")
    *events, last, rest = answer.text.split("\n\n")
    assert (last, rest) == ("data: [DONE]", "")
    return [json.loads(event.removeprefix("data: ")) for event in events]


def test_probabilities_that_json_cannot_write() -> None:
    found = logprobs([TokenLogprob(1, "世".encode()[:2], -math.inf, ((2, b"a", -math.inf),))])
    (one,) = json.loads(msgspec.json.encode(found))["content"]
    assert (one["token"], one["bytes"], one["logprob"]) == ("\ufffd", [0xE4, 0xB8], -9999.0)
    assert one["top_logprobs"][0]["logprob"] == -9999.0
    older = Offsets().take([TokenLogprob(1, b"\xe4\xb8", -math.inf), TokenLogprob(2, b"\x96a", -1.0)])
    assert older.tokens == ["bytes:\\xe4\\xb8", "bytes:\\x96\\x61"]
    assert (older.token_logprobs, older.text_offset) == ([-9999.0, -1.0], [0, 0])
