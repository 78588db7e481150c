"""The tools of a request, in any protocol: which of them may be called, and which must."""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from autoglm_lite.chat.messages import Message, Tool, ToolUse
from autoglm_lite.errors import UsageError

Choice = Literal["auto", "none", "required"]
ANY_OBJECT: dict[str, object] = {"type": "object", "properties": {}}
"""The parameters of a tool that says nothing of them."""


def tool_use(
    tools: Sequence[Tool], choice: Choice = "auto", *, named: str | None = None, parallel: bool = True
) -> ToolUse | None:
    """None where no tool may be called. `named`: the one that must be. Raises UsageError for a choice that the tools do
    not allow, and for two tools of one name."""
    names = [tool.name for tool in tools]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"Two tools are called {name!r}: give each a name of its own.")
    if named is not None:
        if named not in names:
            raise UsageError(f"tool_choice names {named!r}, which is none of the tools: {', '.join(names) or 'none'}.")
        return ToolUse(tuple(tool for tool in tools if tool.name == named), "required", parallel=False)
    if choice == "required":
        if not tools:
            raise UsageError("tool_choice demands a call of a tool, but there are no tools: give some.")
        return ToolUse(tuple(tools), "required", parallel)
    return ToolUse(tuple(tools), "auto", parallel) if tools and choice == "auto" else None


def call_id() -> str:
    """For a call that a model made: nine letters and digits, since Mistral's templates take no others."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(9))


def with_names(messages: Iterable[Message]) -> list[Message]:
    """The same, where a tool's message without a name has that of the call that it answers."""
    called: dict[str, str] = {}
    found = []
    for message in messages:
        called.update((call.id, call.name) for call in message.tool_calls)
        if message.role == "tool" and message.name is None and message.tool_call_id in called:
            message = replace(message, name=called[message.tool_call_id])
        found.append(message)
    return found
