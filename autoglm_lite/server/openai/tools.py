"""Tools and calls of them, as requests of chat completions give them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from autoglm_lite.chat.messages import Tool, ToolCall, ToolUse
from autoglm_lite.server.calling import ANY_OBJECT, Choice, tool_use
from autoglm_lite.server.limits import MOST_TOOLS, ToolName


class FunctionDefinition(msgspec.Struct):
    name: ToolName
    description: str | None = None
    parameters: dict[str, Any] | None = None
    """A JSON schema of an object."""
    strict: bool | None = None
    """Whether a schema that cannot be enforced to the letter is refused, instead of any object being allowed."""

    @property
    def tool(self) -> Tool:
        return Tool(self.name, self.description or "", self.parameters or ANY_OBJECT, bool(self.strict))


class ToolDefinition(msgspec.Struct):
    type: Literal["function"]
    function: FunctionDefinition


Tools = Annotated[list[ToolDefinition], Meta(max_length=MOST_TOOLS)]


class FunctionName(msgspec.Struct):
    name: ToolName


class NamedTool(msgspec.Struct):
    type: Literal["function"]
    function: FunctionName


ToolChoice = Choice | NamedTool


class FunctionCall(msgspec.Struct):
    name: str
    arguments: str
    """A JSON object, as text."""


class Call(msgspec.Struct):
    id: str
    function: FunctionCall
    type: Literal["function"] = "function"


def uses(tools: Sequence[ToolDefinition], choice: ToolChoice, parallel: bool) -> ToolUse | None:
    """None where no tool may be called. Raises UsageError."""
    known = [tool.function.tool for tool in tools]
    if isinstance(choice, NamedTool):
        return tool_use(known, named=choice.function.name)
    return tool_use(known, choice, parallel=parallel)


def calls(given: Sequence[Call]) -> tuple[ToolCall, ...]:
    return tuple(ToolCall(call.id, call.function.name, call.function.arguments) for call in given)
