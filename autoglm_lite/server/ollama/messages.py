"""A conversation as Ollama's clients send it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from autoglm_lite.chat.exchange import first_system
from autoglm_lite.chat.messages import Message, Tool, ToolCall
from autoglm_lite.errors import UsageError
from autoglm_lite.server.calling import ANY_OBJECT
from autoglm_lite.server.content import refuse_image
from autoglm_lite.server.limits import MOST_MESSAGES, MOST_TOOLS, ToolName

Images = Annotated[list[str], Meta(max_length=64)]
"""Each in base64."""


class CalledFunction(msgspec.Struct):
    name: str
    arguments: dict[str, Any] | None = None


class CalledTool(msgspec.Struct):
    function: CalledFunction
    id: str | None = None


class ChatMessage(msgspec.Struct):
    role: Literal["system", "user", "assistant", "tool"]
    content: str | None = None
    thinking: str | None = None
    images: Images | None = None
    tool_calls: Annotated[list[CalledTool], Meta(max_length=MOST_TOOLS)] | None = None
    tool_name: str | None = None
    """Of a tool's message: what was called."""
    tool_call_id: str | None = None


class OfferedFunction(msgspec.Struct):
    name: ToolName
    description: str | None = None
    parameters: dict[str, Any] | None = None


class OfferedTool(msgspec.Struct):
    function: OfferedFunction
    type: Literal["function"] | None = None


Messages = Annotated[list[ChatMessage], Meta(max_length=MOST_MESSAGES)]
Tools = Annotated[list[OfferedTool], Meta(max_length=MOST_TOOLS)]


def messages(given: Sequence[ChatMessage]) -> tuple[Message, ...]:
    """Calls and their answers are given ids where the client left them out, in their order. Raises UsageError for
    pictures."""
    found: list[Message] = []
    open_calls: list[ToolCall] = []
    numbers = itertools.count()
    for message in given:
        refuse_images(message.images)
        calls = tuple(
            # Nine characters, as some templates demand.
            ToolCall(
                call.id or f"call{next(numbers):05d}", call.function.name, json.dumps(call.function.arguments or {})
            )
            for call in message.tool_calls or ()
        )
        answers, name = message.tool_call_id, message.tool_name
        if message.role == "tool":
            call = next((c for c in open_calls if (answers or c.id) == c.id and (name or c.name) == c.name), None)
            if call is not None:
                open_calls.remove(call)
                answers, name = call.id, call.name
        open_calls += calls
        found.append(
            Message(message.role, message.content or "", message.thinking or "", calls, answers or None, name or None)
        )
    return first_system(found)


def refuse_images(images: Sequence[str] | None) -> None:
    """Raises UsageError where there are any: nothing is opened for them."""
    for image in images or ():
        if "://" in image[:100]:
            raise UsageError("Pictures must be sent within the request, in base64: no address is opened for it.")
        refuse_image("data:")


def tools(given: Sequence[OfferedTool]) -> tuple[Tool, ...]:
    return tuple(
        Tool(
            tool.function.name,
            tool.function.description or "",
            tool.function.parameters or ANY_OBJECT,
        )
        for tool in given
    )
