"""A conversation as programs give it: who said what, the tools at hand, and what was called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """What a model wants to have done."""

    id: str
    name: str
    arguments: str
    """A JSON object, as text."""


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    content: str
    reasoning: str = ""
    """What an assistant thought before."""
    tool_calls: tuple[ToolCall, ...] = ()
    """An assistant's."""
    tool_call_id: str | None = None
    """Of a tool's message: the call that it answers."""
    name: str | None = None
    """Of the tool, where that is said."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call."""

    name: str
    description: str
    parameters: Mapping[str, object]
    """A JSON schema of an object."""
    strict: bool = False
    """Whether a schema that cannot be enforced is an error; else any JSON object passes then."""


@dataclass(frozen=True, slots=True)
class ToolUse:
    """The tools of a question, and how they are to be used."""

    tools: tuple[Tool, ...]
    choice: Literal["auto", "required"] = "auto"
    """`required`: at least one is to be called, and nothing else said. (Where none may be, there are no tools.)"""
    parallel: bool = True
    """Whether several may be called in one answer."""
