"""Hermes, Qwen 2.5 and 3, Granite 4: `<tool_call>{"name": ..., "arguments": {...}}</tool_call>`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autoglm_lite.chat.messages import Message, Tool, ToolUse
from autoglm_lite.chat.tools.enforced import GAP, CallRules, call_grammar
from autoglm_lite.chat.tools.envelope import envelope
from autoglm_lite.chat.tools.format import CallGrammar, CallSplitter, Told
from autoglm_lite.chat.tools.source import Parse
from autoglm_lite.chat.tools.splitter import Calls, Splitter
from autoglm_lite.chat.tools.told import standard

OPENING, CLOSING = "<tool_call>", "</tool_call>"


@dataclass(frozen=True, slots=True)
class Hermes:
    name: str = "hermes"
    controls: tuple[str, ...] = (OPENING, CLOSING)
    stops: tuple[str, ...] = ()

    def told(self, messages: Sequence[Message], tools: Sequence[Tool], /) -> Told:
        return standard(messages, tools)

    def splitter(self, tools: Sequence[Tool], /) -> CallSplitter:
        return Splitter(tools, parse, [OPENING])

    def grammar(self, use: ToolUse, /) -> CallGrammar:
        return call_grammar(self, use)

    def rules(self, rules: CallRules, use: ToolUse, /) -> CallGrammar:
        call = rules.add(f'"\\n"? "{{" " "? "\\"name\\":" " "? "\\"" {rules.envelopes("arguments")} "\\n"? "{CLOSING}"')
        calls = rules.several(call, f'{GAP} "{OPENING}"', parallel=use.parallel)
        if use.choice == "required":
            return CallGrammar(f'{GAP} "{OPENING}" {calls}')
        return CallGrammar(calls, (OPENING,))


def parse(calls: Calls, opening: str) -> Parse[bool]:
    if not (yield from envelope(calls)):
        return False
    # Models may forget it.
    yield from closed(calls, CLOSING)
    return True


def closed(calls: Calls, closing: str) -> Parse[None]:
    """Goes past white space and `closing` if that comes, or what of it was written when the answer was cut off."""
    source = calls.source
    before = source.at
    yield from source.space()
    if (yield from source.literal(closing)):
        return
    source.at = len(source.text) if closing.startswith(source.rest()) else before
