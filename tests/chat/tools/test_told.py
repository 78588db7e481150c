"""Conversations with tools reach the templates of every family."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from autoglm_lite.chat.exchange import Exchange, Question
from autoglm_lite.chat.messages import Message, ToolCall, ToolUse
from autoglm_lite.chat.template import ChatTemplate
from autoglm_lite.chat.tools.choose import tool_format
from autoglm_lite.chat.tools.glm4 import Glm4
from autoglm_lite.chat.tools.mistral import Mistral
from autoglm_lite.errors import UsageError
from tests.chat.tools.families import TOOLS
from tests.chat.tools.templates import TEMPLATES

FIRST = ToolCall("call_0123456789", "get_weather", '{"city": "Oslo", "days": 2}')
SECOND = ToolCall("call_9876543210", "time", "")
CONVERSATION = (
    Message("system", "Be brief."),
    Message("user", "Rain in Oslo?"),
    Message("assistant", "Let me see.", tool_calls=(FIRST, SECOND)),
    Message("tool", "wet", tool_call_id="call_9876543210", name="time"),
    Message("tool", "noon", tool_call_id="call_0123456789"),
    Message("assistant", "It rains."),
    Message("user", "Thanks?"),
)


class Silent:
    """A model that is never asked."""


def write(source: str, question: Question) -> str:
    with closing(ChatTemplate(source, bos="<s>", eos="</s>")) as template:
        return Exchange(Silent(), template, tool_format(source), 4096)._write(question)  # type: ignore[arg-type]


def test_families_are_told_from_their_templates() -> None:
    for name, source in TEMPLATES.items():
        assert tool_format(source).name == name.split(",")[0]
    assert tool_format(None).name == "none"
    assert tool_format(TEMPLATES["mistral, names first"]) == Mistral(names_first=True, with_ids=True)
    assert tool_format(TEMPLATES["glm-4, tools in system"]) == Glm4(in_system=True)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_round_trip(name: str) -> None:
    prompt = write(TEMPLATES[name], Question(CONVERSATION, ToolUse(TOOLS)))
    parts = ["Rain in Oslo?", "get_weather", '"city"', "Oslo", "wet", "noon", "It rains.", "Thanks?"]
    if name in ("glm-4.5", "qwen3-coder"):
        parts.remove('"city"')
    places = [prompt.rfind(part) for part in parts]
    assert min(places) >= 0
    assert prompt.index("Oslo?") < prompt.index("noon") < prompt.index("It rains.") < prompt.index("Thanks?")
    assert "get_weather_alerts" in prompt
    if name != "mistral":
        assert "Be brief." in prompt
    without = write(TEMPLATES[name], Question(CONVERSATION))
    assert "noon" in without
    assert "get_weather_alerts" not in without


def test_the_conversation_as_text() -> None:
    prompt = write(TEMPLATES["generic, strict"], Question(CONVERSATION, ToolUse(TOOLS[2:])))
    assert prompt.startswith("<|user|>Be brief.\n\nYou can use these tools")
    assert '{"name": "time", "description": "The time.", "parameters": {}}' in prompt
    assert prompt.endswith(
        "Rain in Oslo?<|assistant|>Let me see.\n"
        '<function=get_weather>{"city": "Oslo", "days": 2}</function>\n<function=time>{}</function>'
        "<|user|>Result of time: wet\n\nResult: noon<|assistant|>It rains.<|user|>Thanks?<|assistant|>"
    )


def test_one_call_a_message_with_its_result_behind_it() -> None:
    prompt = write(TEMPLATES["llama"], Question(CONVERSATION, ToolUse(TOOLS)))
    assert prompt.index("Oslo", 90) < prompt.index("noon") < prompt.index('"name": "time"') < prompt.index("wet")


def test_short_ids_stay_as_they_are_and_others_stay_together() -> None:
    short = replace(FIRST, id="abcdefgh1")
    messages = (Message("assistant", "", tool_calls=(short, SECOND)), *CONVERSATION[3:4])
    told = Mistral().told(messages, ()).messages
    first, second = (call["id"] for call in told[0]["tool_calls"])
    assert (first, told[1]["tool_call_id"]) == ("abcdefgh1", second)
    assert len(second) == 9
    assert second.isalnum()


def test_arguments_that_are_no_object() -> None:
    for arguments in ("[1]", "{", "no", "[" * 100_000):
        call = replace(FIRST, arguments=arguments)
        for source in TEMPLATES.values():
            with pytest.raises(UsageError, match="'get_weather' are no JSON object"):
                tool_format(source).told([Message("assistant", "", tool_calls=(call,))], TOOLS)
