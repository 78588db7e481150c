"""Calls of tools through Ollama's own client. Nothing in this protocol demands a call, so the answer's form does."""

from __future__ import annotations

from typing import Any

import ollama
import pytest
from ollama import Client

CITIES = ["Berlin", "北京"]
CALL = {
    "type": "object",
    "properties": {
        "name": {"const": "get_weather"},
        "parameters": {
            "type": "object",
            "properties": {"city": {"enum": CITIES}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
    "required": ["name", "parameters"],
    "additionalProperties": False,
}
QUESTION: list[dict[str, Any]] = [{"role": "user", "content": "What is the weather in Berlin?"}]


def get_weather(city: str) -> str:
    """The weather in a city.

    Args:
      city: Its name.

    Returns:
      How it is.
    """
    return f"sunny in {city}"


def test_a_round_trip(lively_client: Client) -> None:
    def asked(messages: list[Any], **others: Any) -> ollama.ChatResponse:
        found: ollama.ChatResponse = lively_client.chat(
            "thinker", messages, tools=[get_weather], think=False, options={"num_predict": 200}, **others
        )
        return found

    whole = asked(QUESTION, format=CALL)
    assert whole.done_reason == "stop"
    assert not whole.message.content
    (call,) = whole.message.tool_calls or ()
    assert call.function.name == "get_weather"
    assert call.function.arguments["city"] in CITIES
    result = get_weather(**call.function.arguments)
    # The client's own object goes back as it came, and so does what the tool said.
    answer = asked([*QUESTION, whole.message, {"role": "tool", "tool_name": call.function.name, "content": result}])
    assert (answer.prompt_eval_count or 0) > (whole.prompt_eval_count or 0)


def test_a_call_comes_whole_in_a_stream(lively_client: Client) -> None:
    pieces = list(
        lively_client.chat(
            "thinker",
            QUESTION,
            tools=[get_weather],
            format=CALL,
            think=False,
            stream=True,
            options={"num_predict": 200},
        )
    )
    (call,) = [call for piece in pieces for call in piece.message.tool_calls or ()]
    assert call.function.arguments["city"] in CITIES
    assert pieces[-1].done
    assert not any(piece.message.content for piece in pieces)


def test_a_call_that_was_cut_off_is_none(lively_client: Client) -> None:
    cut = lively_client.chat(
        "thinker", QUESTION, tools=[get_weather], format=CALL, think=False, options={"num_predict": 28}
    )
    assert cut.done_reason == "length"
    assert not cut.message.tool_calls


def test_tools_are_told_to_the_model(lively_client: Client) -> None:
    assert "tools" in (lively_client.show("thinker").capabilities or ())
    counts = [
        lively_client.chat("thinker", QUESTION, tools=tools, options={"num_predict": 1}).prompt_eval_count or 0
        for tools in ([], [get_weather])
    ]
    assert counts[1] > counts[0] + 20


def test_tools_that_make_no_sense_are_refused(lively_client: Client) -> None:
    def tool(name: str) -> dict[str, Any]:
        return {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}

    for tools in ([tool("a b")], [tool("a"), tool("a")]):
        with pytest.raises(ollama.ResponseError) as caught:
            lively_client.chat("thinker", QUESTION, tools=tools)
        assert caught.value.status_code == 400
