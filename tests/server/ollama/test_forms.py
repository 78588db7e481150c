"""What Ollama's clients send, in our own words."""

from __future__ import annotations

import math

import pytest

from autoglm_lite.server.endpoint import decode
from autoglm_lite.server.failures import RefusedError
from autoglm_lite.server.ollama.chat import ChatRequest
from autoglm_lite.server.ollama.keeping import seconds
from autoglm_lite.server.ollama.messages import CalledFunction, CalledTool, ChatMessage, messages
from autoglm_lite.server.ollama.stored import parameters


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (300, 300.0),
        (0, 0.0),
        (-1, math.inf),
        (1e300, math.inf),
        ("5m", 300.0),
        ("1h30m", 5400.0),
        ("1.5h", 5400.0),
        ("300ms", 0.3),
        ("0", 0.0),
        ("-1m", math.inf),
        ("3600", 3600.0),
        ("9999999h", math.inf),
    ],
)
def test_durations(given: float | str, found: float) -> None:
    assert seconds(given) == pytest.approx(found)


@pytest.mark.parametrize("given", ['"soon"', '"5 m"', '""', '"m"', "[]", '"5m5"', "NaN"])
def test_what_is_no_duration(given: str) -> None:
    with pytest.raises(RefusedError):
        decode(ChatRequest, f'{{"keep_alive": {given}}}'.encode())


def test_calls_and_their_answers_find_each_other() -> None:
    def call(name: str, called_id: str | None = None) -> CalledTool:
        return CalledTool(CalledFunction(name, {"a": 1}), called_id)

    found = messages(
        [
            ChatMessage("user", "go"),
            ChatMessage("assistant", tool_calls=[call("one"), call("two"), call("two", "mine")]),
            ChatMessage("tool", "second", tool_name="two"),
            ChatMessage("tool", "first"),
            ChatMessage("tool", "third", tool_call_id="mine"),
            ChatMessage("tool", "nobody's", tool_name="three"),
            ChatMessage("system", "be kind"),
        ]
    )
    assert [message.role for message in found] == ["system", "user", "assistant", "tool", "tool", "tool", "tool"]
    ids = [made.id for made in found[2].tool_calls]
    assert len(set(ids)) == 3
    assert [message.tool_call_id for message in found[3:]] == [ids[1], ids[0], "mine", None]
    assert [message.name for message in found[3:]] == ["two", "one", "two", "three"]
    assert found[2].tool_calls[0].arguments == '{"a": 1}'


def test_counts_in_words() -> None:
    assert [parameters(n) for n in (999, 260_000, 3_607_296, 1_540_000_000)] == ["999", "260.0K", "3.6M", "1.5B"]
