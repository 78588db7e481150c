"""What programs send that means nothing, or means the same in other words: none of it is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from autoglm_lite.server.app import ENDPOINTS
from autoglm_lite.server.endpoint import Endpoint, decode
from autoglm_lite.server.failures import RefusedError
from autoglm_lite.server.openai.question import ChatRequest
from tests.server.serving import Running

HELLO = [{"role": "user", "content": "hello"}]
TOLD_BY = {"Call.type", "InputItem.type", "SchemaFormat.name"}
"""What kind a thing is, or what it is called: never null."""


def left_out(kind: Any, seen: set[type] | None = None) -> Iterator[tuple[str, Any]]:
    """The fields that need not be given, of all types below `kind`, and their types."""
    seen = set() if seen is None else seen
    if isinstance(kind, inspect.StructType):
        if kind.cls in seen:
            return
        seen.add(kind.cls)
        for field in kind.fields:
            if not field.required:
                yield f"{kind.cls.__name__}.{field.name}", field.type
    for name in kind.__struct_fields__:
        value = getattr(kind, name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, inspect.Type | inspect.Field):
                yield from left_out(part, seen)


def takes_null(kind: Any) -> bool:
    if isinstance(kind, inspect.UnionType):
        return any(map(takes_null, kind.types))
    return isinstance(kind, inspect.NoneType | inspect.AnyType)


@pytest.mark.parametrize("endpoint", [one for one in ENDPOINTS if one.body is not None], ids=lambda one: one.path)
def test_whatever_may_be_left_out_may_be_null(endpoint: Endpoint) -> None:
    found = dict(left_out(inspect.type_info(endpoint.body)))
    assert {name for name, kind in found.items() if not takes_null(kind)} <= TOLD_BY


def test_a_whole_number_may_be_written_as_a_float() -> None:
    body = {"messages": HELLO, "max_tokens": 5.0, "seed": 7.0, "temperature": 1.0, "n": 2}
    asked = decode(ChatRequest, msgspec.json.encode(body))
    assert (asked.max_tokens, asked.seed, asked.n, asked.temperature) == (5, 7, 2, 1.0)
    assert isinstance(asked.max_tokens, int)


@pytest.mark.parametrize("wrong", ["1.5", "1e300", "-1.0", "5.0"])
def test_what_is_none_or_too_large_is_refused_all_the_same(wrong: str) -> None:
    with pytest.raises(RefusedError) as caught:
        decode(ChatRequest, f'{{"messages": [{{"role": "user", "content": "x"}}], "n": {wrong}}}'.encode())
    assert caught.value.failure.param == "n"


SENT: dict[str, tuple[str, dict[str, Any]]] = {
    "nothing but nulls": (
        "/v1/chat/completions",
        {
            "max_tokens": 2,
            **dict.fromkeys(("stop", "tools", "tool_choice", "response_format", "stream", "stream_options", "seed")),
            **dict.fromkeys(("logit_bias", "functions", "function_call", "user", "metadata", "parallel_tool_calls")),
        },
    ),
    "no tools": ("/v1/chat/completions", {"max_tokens": 2, "tools": [], "tool_choice": "auto", "stop": []}),
    "no limit": ("/v1/chat/completions", {"max_tokens": -1, "top_k": -1}),
    "no limit by its newer name": ("/v1/chat/completions", {"max_completion_tokens": -1, "max_tokens": 5}),
    "a schema without a name": (
        "/v1/chat/completions",
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"schema": {"type": "object", "properties": {"a": {"type": "boolean"}}}},
            }
        },
    ),
    "a call with no text": (
        "/v1/chat/completions",
        {
            "max_tokens": 2,
            "messages": [
                *HELLO,
                {
                    "role": "assistant",
                    "content": None,
                    "refusal": None,
                    "function_call": None,
                    "tool_calls": [
                        {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": ""}}
                    ],
                },
                {"role": "tool", "tool_call_id": "call_1", "name": "look", "content": "nothing"},
            ],
        },
    ),
    "another case": ("/v1/chat/completions", {"max_tokens": 2, "model": "Starter:Latest"}),
    "floats": ("/api/chat", {"stream": False, "options": {"num_predict": 2.0, "top_k": 40.0, "seed": 1.0}}),
    "nulls for Ollama": (
        "/api/chat",
        {
            "stream": False,
            "model": None,
            "options": {"num_predict": 2, "stop": None, "seed": None, "num_ctx": 4096},
            **dict.fromkeys(("tools", "format", "think", "keep_alive", "logprobs", "top_logprobs")),
        },
    ),
    "blocks for Anthropic": (
        "/v1/messages?beta=true",
        {
            "max_tokens": 2,
            "model": "starter",
            "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "5m"}}],
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "text", "text": "hello", "citations": None, "cache_control": None}],
                },
                {"role": "assistant", "content": [{"type": "thinking", "thinking": "Well.", "signature": None}]},
                {"role": "user", "content": "hello?"},
            ],
            "tools": [],
            "tool_choice": None,
            "stop_sequences": [],
            "thinking": {"type": "disabled"},
            "context_management": {"edits": []},
            "metadata": {"user_id": "me"},
            **dict.fromkeys(("temperature", "top_p", "top_k", "stream", "output_config", "container")),
        },
    ),
}


@pytest.mark.parametrize(("path", "body"), SENT.values(), ids=SENT.keys())
def test_what_clients_really_send_is_answered(running: Running, path: str, body: dict[str, Any]) -> None:
    found = running.http.post(path, json={"messages": HELLO, **body})
    assert found.status_code == 200, found.text


def test_what_will_not_come_true_is_not_asked_again(running: Running) -> None:
    found = running.http.post("/v1/chat/completions", json={"messages": HELLO, "model": "broken"})
    assert (found.status_code, found.headers.get("x-should-retry")) == (503, "false")


def test_the_older_name_of_the_form_of_anthropics_answers(running: Running) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]}
    body = {"model": "starter", "max_tokens": 40, "messages": HELLO}
    found = running.http.post("/v1/messages", json={**body, "output_format": {"type": "json_schema", "schema": schema}})
    assert isinstance(msgspec.json.decode(found.json()["content"][0]["text"])["a"], bool)
