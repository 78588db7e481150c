"""Mistral: `[TOOL_CALLS][{"name": ..., "arguments": {...}}, ...]`, later `[TOOL_CALLS]name[ARGS]{...}` for each."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from autoglm_lite.chat.messages import Message, Tool, ToolUse
from autoglm_lite.chat.tools.enforced import GAP, CallRules, call_grammar
from autoglm_lite.chat.tools.envelope import envelope
from autoglm_lite.chat.tools.format import CallGrammar, CallSplitter, Told
from autoglm_lite.chat.tools.jsontext import stream_object
from autoglm_lite.chat.tools.source import Parse
from autoglm_lite.chat.tools.splitter import Calls, Splitter
from autoglm_lite.chat.tools.told import standard

OPENING, ID, ARGUMENTS = "[TOOL_CALLS]", "[CALL_ID]", "[ARGS]"


@dataclass(frozen=True, slots=True)
class Mistral:
    name: str = "mistral"
    names_first: bool = False
    """The later way of writing."""
    with_ids: bool = False
    controls: tuple[str, ...] = (OPENING, ID, ARGUMENTS)
    stops: tuple[str, ...] = ()

    def told(self, messages: Sequence[Message], tools: Sequence[Tool], /) -> Told:
        """Its templates refuse ids that are not nine letters and digits."""
        return standard([_with_short_ids(message) for message in messages], tools)

    def splitter(self, tools: Sequence[Tool], /) -> CallSplitter:
        return Splitter(tools, parse, [OPENING])

    def grammar(self, use: ToolUse, /) -> CallGrammar:
        return call_grammar(self, use)

    def rules(self, rules: CallRules, use: ToolUse, /) -> CallGrammar:
        if self.names_first:
            mark = f'"{ARGUMENTS}"'
            if self.with_ids:
                mark = rules.add(f'("{ID}" [a-zA-Z0-9]{{9}})? {mark}')
            call = rules.named({tool.name: f"{mark} {rules.arguments(tool)}" for tool in rules.tools})
            calls = rules.several(call, f'"{OPENING}"', parallel=use.parallel)
        else:
            call = rules.add(f'"{{" " "? "\\"name\\":" " "? "\\"" {rules.envelopes("arguments")}')
            several = rules.several(call, '"," " "?', parallel=use.parallel)
            calls = f'" "? "[" {several} "]"'
        if use.choice == "required":
            return CallGrammar(f'{GAP} "{OPENING}" {calls}')
        return CallGrammar(calls, (OPENING,))


def parse(calls: Calls, opening: str) -> Parse[bool]:
    source = calls.source
    yield from source.space()
    if not (yield from source.literal("[")):
        return (yield from _named(calls))
    if not (yield from envelope(calls)):
        return False
    while True:
        before = source.at
        yield from source.space()
        if (yield from source.literal("]")):
            return True
        if not (yield from source.literal(",")) or not (yield from envelope(calls)):
            source.at = before
            return True


def _named(calls: Calls) -> Parse[bool]:
    source = calls.source
    name = yield from source.until((ID, ARGUMENTS, "{"), calls.longest + 1)
    if name is None or name.strip() not in calls.tools:
        return False
    if (yield from source.literal(ID)):
        yield from source.until((ARGUMENTS, "{"), 40)
    yield from source.literal(ARGUMENTS)
    yield from source.space()
    if not (yield from source.literal("{")):
        return False
    source.at -= 1
    begin = calls.begin(name.strip())
    yield begin
    yield from stream_object(source, begin.index)
    return True


def _with_short_ids(message: Message) -> Message:
    calls = tuple(replace(call, id=_short(call.id)) for call in message.tool_calls)
    answered = None if message.tool_call_id is None else _short(message.tool_call_id)
    return replace(message, tool_calls=calls, tool_call_id=answered)


def _short(call_id: str) -> str:
    if len(call_id) == 9 and call_id.isalnum() and call_id.isascii():
        return call_id
    return hashlib.sha256(call_id.encode("utf-8", "replace")).hexdigest()[:9]
