"""What Anthropic's clients send, in our own words."""

from __future__ import annotations

from typing import Any

import msgspec

from autoglm_lite.chat.messages import Message, ToolCall
from autoglm_lite.server.anthropic.conversation import question
from autoglm_lite.server.anthropic.errors import error
from autoglm_lite.server.anthropic.request import CountRequest
from autoglm_lite.server.failures import Failure


def asked(*messages: dict[str, Any], **others: Any) -> tuple[Message, ...]:
    return question(msgspec.convert({"model": "m", "messages": messages, **others}, CountRequest)).messages


def test_a_conversation_with_tools_and_thoughts() -> None:
    found = asked(
        {"role": "user", "content": "What is the weather?"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Let me look.", "signature": "x"},
                {"type": "redacted_thinking", "data": "?"},
                {"type": "text", "text": "One moment."},
                {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": "北京"}},
                {"type": "tool_use", "id": "toolu_2", "name": "ask", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "sunny"}]},
                {"type": "tool_result", "tool_use_id": "toolu_2", "is_error": True, "content": "no answer"},
                {"type": "text", "text": "And now?"},
            ],
        },
        {"role": "user", "content": "Well?"},
        system=[{"type": "text", "text": "Be kind."}, {"type": "text", "text": "Be brief."}],
    )
    calls = (ToolCall("toolu_1", "look", '{"at": "\\u5317\\u4eac"}'), ToolCall("toolu_2", "ask", "{}"))
    assert found == (
        Message("system", "Be kind.\n\nBe brief."),
        Message("user", "What is the weather?"),
        Message("assistant", "One moment.", "Let me look.", calls),
        Message("tool", "sunny", tool_call_id="toolu_1", name="look"),
        Message("tool", "Error: no answer", tool_call_id="toolu_2", name="ask"),
        Message("user", "And now?\n\nWell?"),
    )


def test_too_long_in_the_words_that_clients_look_for() -> None:
    made = error(Failure("too_long", "Shorten it.", n_tokens=2000, n_ctx=1024))
    assert made.error.message == "prompt is too long: 2000 tokens > 1024 maximum. Shorten it."
    assert made.error.type == "invalid_request_error"
