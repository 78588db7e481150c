"""Calls of tools through OpenAI's own client: any model makes them where it must."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types.chat import (
    ChatCompletion,
    ChatCompletionFunctionToolParam,
    ChatCompletionMessageFunctionToolCall,
    ChatCompletionMessageParam,
)

from autoglm_lite.chat.messages import Message, Tool, ToolCall
from autoglm_lite.errors import UsageError
from autoglm_lite.server.calling import tool_use, with_names
from tests.server.serving import Running

QUESTION: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is the weather in Berlin?"}]


def tool(name: str, **properties: Any) -> ChatCompletionFunctionToolParam:
    parameters: dict[str, object] = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "description": "A tool.", "parameters": parameters}}


WEATHER = tool("get_weather", city={"enum": ["Berlin", "北京"]}, days={"type": "integer", "minimum": 1, "maximum": 3})
TIME = tool("get_time", zone={"enum": ["UTC", "CET"]})
TOOLS = [WEATHER, TIME]


def fits(name: str, text: str) -> bool:
    given = json.loads(text)
    if name == "get_weather":
        return set(given) == {"city", "days"} and given["city"] in ("Berlin", "北京") and given["days"] in (1, 2, 3)
    return name == "get_time" and given in ({"zone": "UTC"}, {"zone": "CET"})


@pytest.mark.parametrize("model", ["starter", "endless"])
def test_a_round_trip(client: OpenAI, model: str) -> None:
    whole = client.chat.completions.create(
        model=model, messages=QUESTION, tools=TOOLS, tool_choice="required", parallel_tool_calls=False, max_tokens=400
    )
    (choice,) = whole.choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    assert choice.message.tool_calls is not None
    (call,) = choice.message.tool_calls
    assert isinstance(call, ChatCompletionMessageFunctionToolCall)
    assert fits(call.function.name, call.function.arguments)
    # The client's own object goes back as it came.
    answer = client.chat.completions.create(
        model=model,
        messages=[
            *QUESTION,
            choice.message.to_dict(),  # type: ignore[list-item]
            {"role": "tool", "tool_call_id": call.id, "content": "sunny, 21 degrees"},
        ],
        tools=TOOLS,
        max_tokens=12,
    )
    assert answer.usage is not None
    assert whole.usage is not None
    assert answer.usage.prompt_tokens > whole.usage.prompt_tokens


def test_the_pieces_of_a_call(client: OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model="starter",
            messages=QUESTION,
            tools=TOOLS,
            tool_choice="required",
            parallel_tool_calls=False,
            max_tokens=400,
            stream=True,
        )
    )
    deltas = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    first, *rest = deltas
    assert first.index == 0
    assert first.id
    assert first.type == "function"
    assert first.function is not None
    assert first.function.name is not None
    assert all(delta.id is None and delta.index == 0 for delta in rest)
    arguments = "".join((delta.function and delta.function.arguments) or "" for delta in deltas)
    assert fits(first.function.name, arguments)
    assert not any(chunk.choices[0].delta.content for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_the_same_through_the_client_s_helper(client: OpenAI) -> None:
    with client.chat.completions.stream(
        model="starter",
        messages=QUESTION,
        tools=TOOLS,
        tool_choice="required",
        parallel_tool_calls=False,
        max_tokens=600,
    ) as stream:
        message = stream.get_final_completion().choices[0].message
    assert message.tool_calls
    for call in message.tool_calls:
        assert fits(call.function.name, call.function.arguments)


def test_the_one_that_is_named(client: OpenAI) -> None:
    for name in ("get_time", "get_weather"):
        whole = client.chat.completions.create(
            model="starter",
            messages=QUESTION,
            tools=TOOLS,
            tool_choice={"type": "function", "function": {"name": name}},
            n=2,
            max_tokens=300,
        )
        for choice in whole.choices:
            assert choice.message.tool_calls is not None
            (call,) = choice.message.tool_calls
            assert isinstance(call, ChatCompletionMessageFunctionToolCall)
            assert call.function.name == name
            assert fits(name, call.function.arguments)


def test_none_is_told_of_none(client: OpenAI) -> None:
    def n_prompt(**given: Any) -> int:
        whole: ChatCompletion = client.chat.completions.create(
            model="starter", messages=QUESTION, max_tokens=1, **given
        )
        assert whole.usage is not None
        return whole.usage.prompt_tokens

    assert n_prompt(tools=TOOLS, tool_choice="none") == n_prompt() < n_prompt(tools=TOOLS)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"tools": [WEATHER, WEATHER]}, "Two tools"),
        ({"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "fly"}}}, "none of the tools"),
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"tools": [tool("a b")]}, "tools"),
        ({"tools": TOOLS * 100}, "tools: expected `array` of length <= 128"),
        ({"tools": TOOLS, "tool_choice": "some"}, "tool_choice"),
    ],
)
def test_what_is_refused(running: Running, wrong: dict[str, Any], sentence: str) -> None:
    answer = running.http.post("/v1/chat/completions", json={"messages": QUESTION, "max_tokens": 3, **wrong})
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]["message"]


def test_a_model_that_cannot_be_told_of_tools(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="no chat template"):
        client.chat.completions.create(model="stories", messages=QUESTION, tools=TOOLS)


def test_which_tools_may_be_called() -> None:
    one, two = Tool("one", "", {}), Tool("two", "", {})
    assert tool_use([]) is None
    assert tool_use([one], "none") is None
    both = tool_use([one, two], parallel=False)
    assert both is not None
    assert (both.tools, both.choice, both.parallel) == ((one, two), "auto", False)
    named = tool_use([one, two], named="two")
    assert named is not None
    assert (named.tools, named.choice) == ((two,), "required")
    with pytest.raises(UsageError, match="there are no tools"):
        tool_use([], "required")
    with pytest.raises(UsageError, match="none of the tools: one"):
        tool_use([one], named="two")
    with pytest.raises(UsageError, match="Two tools are called 'one'"):
        tool_use([one, one])


def test_what_a_tool_says_has_its_name() -> None:
    called = Message("assistant", "", tool_calls=(ToolCall("a", "one", "{}"), ToolCall("b", "two", "{}")))
    results = [Message("tool", "x", tool_call_id=id) for id in ("b", "a", "c")]
    assert [message.name for message in with_names([called, *results])] == [None, "two", "one", None]
