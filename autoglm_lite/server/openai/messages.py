"""The messages of a conversation, as chat completions give them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec
from msgspec import Meta

from autoglm_lite.chat.exchange import first_system
from autoglm_lite.chat.messages import Message
from autoglm_lite.server.calling import with_names
from autoglm_lite.server.limits import MOST_TOOLS
from autoglm_lite.server.openai.parts import Content, text_of
from autoglm_lite.server.openai.tools import Call, calls


class SystemMessage(msgspec.Struct, tag_field="role", tag="system"):
    content: Content


class DeveloperMessage(msgspec.Struct, tag_field="role", tag="developer"):
    """The same under its newer name."""

    content: Content


class UserMessage(msgspec.Struct, tag_field="role", tag="user"):
    content: Content


class AssistantMessage(msgspec.Struct, tag_field="role", tag="assistant"):
    content: Content | None = None
    reasoning_content: str | None = None
    """What it thought before, which templates take where they want it."""
    tool_calls: Annotated[list[Call], Meta(max_length=MOST_TOOLS)] | None = None


class ToolMessage(msgspec.Struct, tag_field="role", tag="tool"):
    """What a call gave back."""

    content: Content
    tool_call_id: str


ChatMessage = SystemMessage | DeveloperMessage | UserMessage | AssistantMessage | ToolMessage


def conversation(given: Iterable[ChatMessage]) -> tuple[Message, ...]:
    """What systems and developers say comes first. Raises UsageError for a picture."""
    return first_system(with_names(map(_message, given)))


def _message(given: ChatMessage) -> Message:
    text = text_of(given.content)
    match given:
        case UserMessage():
            return Message("user", text)
        case AssistantMessage():
            return Message("assistant", text, given.reasoning_content or "", tool_calls=calls(given.tool_calls or ()))
        case ToolMessage():
            return Message("tool", text, tool_call_id=given.tool_call_id)
    return Message("system", text)
