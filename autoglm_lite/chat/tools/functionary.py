"""Functionary 3.1: `<function=name>{...}</function>`. Models that were taught no way of their own are told of this
one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from autoglm_lite.chat.messages import Message, Tool, ToolUse
from autoglm_lite.chat.tools.enforced import GAP, CallRules, call_grammar
from autoglm_lite.chat.tools.format import CallGrammar, CallSplitter, Told
from autoglm_lite.chat.tools.hermes import closed
from autoglm_lite.chat.tools.jsontext import stream_object
from autoglm_lite.chat.tools.source import Parse
from autoglm_lite.chat.tools.splitter import Calls, Splitter
from autoglm_lite.chat.tools.told import arguments, described, standard

OPENING, CLOSING = "<function=", "</function>"
DESCRIPTION = """You can use these tools, each described as JSON:

{tools}

To use one, answer with nothing but its name and its arguments, a JSON object that fits its parameters, in this form:

<function=NAME>{{"ARGUMENT": "VALUE"}}</function>

You are then given its result. Use a tool only where it helps; otherwise answer in plain words."""


@dataclass(frozen=True, slots=True)
class Functionary:
    native: bool = True
    """Whether the chat template knows it; else tools, calls and results are told as text."""
    controls: tuple[str, ...] = ()
    stops: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return "functionary" if self.native else "generic"

    def told(self, messages: Sequence[Message], tools: Sequence[Tool], /) -> Told:
        return standard(messages, tools) if self.native else as_text(messages, tools)

    def splitter(self, tools: Sequence[Tool], /) -> CallSplitter:
        return Splitter(tools, parse, [OPENING])

    def grammar(self, use: ToolUse, /) -> CallGrammar:
        return call_grammar(self, use)

    def rules(self, rules: CallRules, use: ToolUse, /) -> CallGrammar:
        call = rules.named({f"{tool.name}>": f'{rules.arguments(tool)} "{CLOSING}"' for tool in rules.tools})
        calls = rules.several(call, f'{GAP} "{OPENING}"', parallel=use.parallel)
        if use.choice == "required":
            return CallGrammar(f'{GAP} "{OPENING}" {calls}')
        return CallGrammar(calls, (OPENING,))


def parse(calls: Calls, opening: str) -> Parse[bool]:
    source = calls.source
    name = yield from source.until((">",), calls.longest)
    if name is None or name not in calls.tools or not (yield from source.literal(">")):
        return False
    yield from source.space()
    if not (yield from source.literal("{")):
        return False
    source.at -= 1
    begin = calls.begin(name)
    yield begin
    if (yield from stream_object(source, begin.index)):
        yield from closed(calls, CLOSING)
    return True


def as_text(messages: Sequence[Message], tools: Sequence[Tool]) -> Told:
    """For templates that know questions and answers alone, which mostly take turns."""
    said = [_said(message) for message in messages]
    if tools:
        listed = "\n".join(
            json.dumps(
                {"name": tool.name, "description": tool.description, "parameters": tool.parameters}, ensure_ascii=False
            )
            for tool in tools
        )
        told = DESCRIPTION.format(tools=listed)
        if said and said[0].role == "system":
            said[0] = replace(said[0], content=f"{said[0].content}\n\n{told}")
        else:
            said.insert(0, Message("system", told))
    found: list[dict[str, Any]] = []
    for role, group in groupby(said, lambda message: message.role):
        together = list(group)
        if role == "user" and len(together) > 1:
            together = [Message("user", "\n\n".join(message.content for message in together))]
        found += map(described, together)
    return Told(found, [])


def _said(message: Message) -> Message:
    if message.role == "tool":
        named = f" of {message.name}" if message.name else ""
        return Message("user", f"Result{named}: {message.content}")
    if not message.tool_calls:
        return message
    calls = [
        f"{OPENING}{call.name}>{json.dumps(arguments(call), ensure_ascii=False)}{CLOSING}"
        for call in message.tool_calls
    ]
    return Message(message.role, "\n".join([*filter(None, [message.content]), *calls]), message.reasoning)
