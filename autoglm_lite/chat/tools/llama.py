"""Llama 3: an answer that is `{"name": ..., "parameters": {...}}`, perhaps after `<|python_tag|>`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autoglm_lite.chat.messages import Message, Tool, ToolUse
from autoglm_lite.chat.tools.enforced import GAP, CallRules, call_grammar
from autoglm_lite.chat.tools.envelope import envelope
from autoglm_lite.chat.tools.format import CallGrammar, CallSplitter, Told
from autoglm_lite.chat.tools.source import Parse
from autoglm_lite.chat.tools.splitter import Calls, Splitter
from autoglm_lite.chat.tools.told import one_call_each, standard

TAG = "<|python_tag|>"
BEGINNINGS = ('{"name": "', '{"name":"', '{"type": "function", "name": "')


@dataclass(frozen=True, slots=True)
class Llama:
    name: str = "llama"
    controls: tuple[str, ...] = (TAG,)
    stops: tuple[str, ...] = ()

    def told(self, messages: Sequence[Message], tools: Sequence[Tool], /) -> Told:
        """Its templates refuse two calls in one message."""
        return standard(one_call_each(messages), tools)

    def splitter(self, tools: Sequence[Tool], /) -> CallSplitter:
        return Splitter(tools, parse, [TAG], at_start=True)

    def grammar(self, use: ToolUse, /) -> CallGrammar:
        return call_grammar(self, use)

    def rules(self, rules: CallRules, use: ToolUse, /) -> CallGrammar:
        """One call: the models were never taught more."""
        call = rules.envelopes("parameters")
        if use.choice == "required":
            return CallGrammar(f'{GAP} "{{\\"name\\": \\"" {call}')
        return CallGrammar(call, tuple(tag + text for tag in ("", TAG) for text in BEGINNINGS), True)


def parse(calls: Calls, opening: str) -> Parse[bool]:
    if not (yield from envelope(calls)):
        return False
    source = calls.source
    while True:
        before = source.at
        yield from source.space()
        yield from source.literal(";")
        yield from source.literal(TAG)
        if not (yield from envelope(calls)):
            source.at = before
            return True
