"""Calls of tools through Anthropic's own client."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest
from anthropic import Anthropic
from anthropic.types import MessageParam, ToolParam, ToolUseBlock

QUESTION: list[MessageParam] = [{"role": "user", "content": "What is the weather in Berlin?"}]
CITIES = ["Berlin", "北京"]
WEATHER: ToolParam = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "input_schema": {"type": "object", "properties": {"city": {"enum": CITIES}}, "required": ["city"]},
}
TIME: ToolParam = {
    "name": "get_time",
    "input_schema": {"type": "object", "properties": {"zone": {"enum": ["UTC"]}}, "required": ["zone"]},
}
ONE_CALL: Any = {"type": "any", "disable_parallel_tool_use": True}


def test_a_round_trip(client: Anthropic) -> None:
    whole = client.messages.create(
        model="starter", max_tokens=300, messages=QUESTION, tools=[WEATHER, TIME], tool_choice=ONE_CALL
    )
    assert whole.stop_reason == "tool_use"
    (call,) = whole.content
    assert isinstance(call, ToolUseBlock)
    assert call.id.startswith("toolu_")
    assert (call.name, call.input) in [
        ("get_time", {"zone": "UTC"}),
        *(("get_weather", {"city": city}) for city in CITIES),
    ]
    # The client's own object goes back as it came.
    answer = client.messages.create(
        model="starter",
        max_tokens=12,
        tools=[WEATHER, TIME],
        messages=[
            *QUESTION,
            whole.to_param(),
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": call.id, "content": "sunny, 21 degrees"},
                    {"type": "text", "text": "So, do I need a coat?"},
                ],
            },
        ],
    )
    total = [one.usage.input_tokens + (one.usage.cache_read_input_tokens or 0) for one in (whole, answer)]
    assert total[1] > total[0]


def test_the_named_tool_is_called_in_a_stream(client: Anthropic) -> None:
    with client.messages.stream(
        model="starter",
        max_tokens=300,
        messages=QUESTION,
        tools=[WEATHER, TIME],
        tool_choice={"type": "tool", "name": "get_weather"},
    ) as stream:
        deltas = [event.delta.type for event in stream if event.type == "content_block_delta"]
        message = stream.get_final_message()
    assert set(deltas) == {"input_json_delta"}
    (call,) = message.content
    assert isinstance(call, ToolUseBlock)
    assert call.name == "get_weather"
    assert call.input["city"] in CITIES
    assert message.stop_reason == "tool_use"


def test_a_call_that_was_cut_off_is_left_out(client: Anthropic) -> None:
    cut = client.messages.create(
        model="starter",
        max_tokens=30,
        messages=QUESTION,
        tools=[WEATHER],
        tool_choice=ONE_CALL,
        extra_body={"temperature": 0},
    )
    assert (cut.stop_reason, cut.content) == ("max_tokens", [])


def test_tools_are_part_of_the_prompt_unless_none_may_be_called(client: Anthropic) -> None:
    def counted(**asked: Any) -> int:
        return client.messages.count_tokens(model="starter", messages=QUESTION, **asked).input_tokens

    assert counted(tools=[WEATHER]) > counted() + 20
    assert counted(tools=[WEATHER], tool_choice={"type": "none"}) == counted()


def test_choices_that_make_no_sense_are_refused(client: Anthropic) -> None:
    refused: list[dict[str, Any]] = [
        {"tools": [WEATHER], "tool_choice": {"type": "tool", "name": "other"}},
        {"tools": [WEATHER, WEATHER]},
        {"tools": [{**WEATHER, "name": "get weather"}]},
    ]
    for asked in refused:
        with pytest.raises(anthropic.BadRequestError):
            client.messages.create(**{"model": "starter", "max_tokens": 9, "messages": QUESTION, **asked})
