"""How conversations with tools are put to chat templates."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from autoglm_lite.chat.messages import Message, Tool, ToolCall
from autoglm_lite.chat.tools.format import Told
from autoglm_lite.errors import UsageError


def standard(messages: Sequence[Message], tools: Sequence[Tool]) -> Told:
    """As most templates that know tools want it."""
    return Told([described(message) for message in messages], [function(tool) for tool in tools])


def described(message: Message) -> dict[str, Any]:
    """As Hugging Face's `apply_chat_template` takes it."""
    found: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.reasoning:
        found["reasoning_content"] = message.reasoning
    if message.tool_calls:
        found["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments(call)}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        found["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        found["name"] = message.name
    return found


def function(tool: Tool) -> dict[str, Any]:
    named = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": named}


def arguments(call: ToolCall) -> dict[str, Any]:
    """Templates write JSON themselves. Raises UsageError for what is no JSON object."""
    try:
        value = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise UsageError(f"The arguments of a call of {call.name[:80]!r} are no JSON object: {call.arguments[:80]}")
    return value


def one_call_each(messages: Sequence[Message]) -> list[Message]:
    """The same conversation for templates that know one call a message: each is followed by its result."""
    found: list[Message] = []
    placed: set[int] = set()
    for at, message in enumerate(messages):
        if at in placed:
            continue
        if len(message.tool_calls) < 2:
            found.append(message)
            continue
        results = {}
        for later in range(at + 1, len(messages)):
            if messages[later].role != "tool":
                break
            results[messages[later].tool_call_id] = later
        for i, call in enumerate(message.tool_calls):
            content, reasoning = (message.content, message.reasoning) if i == 0 else ("", "")
            found.append(Message("assistant", content, reasoning, (call,)))
            if call.id in results:
                placed.add(results[call.id])
                found.append(messages[results[call.id]])
    return found
