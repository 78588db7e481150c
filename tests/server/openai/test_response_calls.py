"""/v1/responses through OpenAI's own client: tools that are called."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types.responses import (
    FunctionToolParam,
    ResponseInputItemParam,
)

from tests.server.openai.test_responses import GREEDY, kinds, streamed
from tests.server.serving import Running


def test_calls_and_their_outputs_given_by_hand(client: OpenAI) -> None:
    question: ResponseInputItemParam = {"role": "user", "content": "What is the weather?"}
    call: ResponseInputItemParam = {
        "type": "function_call",
        "call_id": "call_1",
        "name": "weather",
        "arguments": '{"city": "Graz"}',
    }
    output: ResponseInputItemParam = {"type": "function_call_output", "call_id": "call_1", "output": "Sunny, 21 °C."}
    found = client.responses.create(**GREEDY, input=[question, call, output], max_output_tokens=8)
    assert [item.type for item in client.responses.input_items.list(found.id, order="asc")] == [
        "message",
        "function_call",
        "function_call_output",
    ]
    # The output may come later, to a call that is in what was kept.
    with pytest.raises(openai.BadRequestError, match="There is no function_call 'call_1' before"):
        client.responses.create(**GREEDY, input=[question, output])
    first = client.responses.create(**GREEDY, input=[question, call], max_output_tokens=1)
    assert client.responses.create(**GREEDY, input=[output], previous_response_id=first.id, max_output_tokens=1)


WEATHER: FunctionToolParam = {
    "type": "function",
    "name": "weather",
    "description": "The weather in a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"enum": ["Graz", "Wien"]}, "days": {"enum": [1, 2, 3]}},
        "required": ["city", "days"],
        "additionalProperties": False,
    },
    "strict": True,
}
TIME: FunctionToolParam = {"type": "function", "name": "time", "parameters": None, "strict": None}


def test_a_call_and_what_came_of_it(client: OpenAI, running: Running) -> None:
    asked: dict[str, Any] = {"input": "What is the weather?", "tools": [WEATHER, TIME]}
    forced: dict[str, Any] = {**asked, "tool_choice": {"type": "function", "name": "weather"}}
    events = streamed(running, **forced, max_output_tokens=200)
    assert kinds(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    deltas = [event["delta"] for event in events if event["type"] == "response.function_call_arguments.delta"]
    final = events[-1]["response"]
    (call,) = final["output"]
    assert (call["type"], call["name"], call["status"]) == ("function_call", "weather", "completed")
    assert call["arguments"] == events[-3]["arguments"] == "".join(deltas)
    arguments = json.loads(call["arguments"])
    assert arguments["city"] in ("Graz", "Wien")
    assert arguments["days"] in (1, 2, 3)
    assert final["tool_choice"] == {"type": "function", "name": "weather"}
    assert [tool["name"] for tool in final["tools"]] == ["weather", "time"]
    # The same whole, and again from what the client makes of it.
    whole = client.responses.create(**GREEDY, **forced, max_output_tokens=200)
    (item,) = whole.output
    assert item.type == "function_call"
    assert json.loads(item.arguments) == arguments
    answers: list[ResponseInputItemParam] = [
        {"type": "function_call_output", "call_id": item.call_id, "output": "Sunny, 21 °C."}
    ]
    after = client.responses.create(
        **GREEDY, input=answers, previous_response_id=whole.id, tools=[WEATHER, TIME], max_output_tokens=20
    )
    assert after.output_text
    by_hand: list[Any] = [{"role": "user", "content": "What is the weather?"}, item.to_dict(), *answers]
    again = client.responses.create(**GREEDY, input=by_hand, tools=[WEATHER, TIME], max_output_tokens=20)
    assert again.output_text == after.output_text


def test_which_tools_may_be_called(client: OpenAI) -> None:
    asked: dict[str, Any] = {**GREEDY, "input": "What is the weather?", "tools": [WEATHER, TIME]}
    only: dict[str, Any] = {
        "type": "allowed_tools",
        "mode": "required",
        "tools": [{"type": "function", "name": "time"}],
    }
    found = client.responses.create(**{**asked, "tool_choice": only}, parallel_tool_calls=False)
    assert [item.name for item in found.output if item.type == "function_call"] == ["time"]
    assert found.parallel_tool_calls is False
    any_of_them = client.responses.create(**asked, tool_choice="required", parallel_tool_calls=False)
    assert [item.type for item in any_of_them.output] == ["function_call"]
    none = client.responses.create(**asked, tool_choice="none", max_output_tokens=5)
    assert [item.type for item in none.output] == ["message"]
    with pytest.raises(openai.BadRequestError, match="none of the tools"):
        client.responses.create(**{**asked, "tool_choice": {**only, "tools": [{"type": "function", "name": "no"}]}})


def test_a_call_that_was_cut_off(client: OpenAI) -> None:
    asked: dict[str, Any] = {**GREEDY, "tools": [WEATHER]}
    found = client.responses.create(**asked, input="Hello", tool_choice="required", max_output_tokens=24)
    (item,) = found.output
    assert item.type == "function_call"
    assert (item.status, found.status) == ("incomplete", "incomplete")
    with pytest.raises(json.JSONDecodeError):
        json.loads(item.arguments)
    # It is not in the way of what follows.
    after = client.responses.create(**asked, input="And now?", previous_response_id=found.id, max_output_tokens=3)
    assert after.output
