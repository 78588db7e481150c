"""GLM-4: an answer that is the name, a new line, and the arguments, `name\\n{...}`, ended by `<|observation|>`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from autoglm_lite.chat.messages import Message, Tool, ToolUse
from autoglm_lite.chat.tools.enforced import GAP, CallRules, call_grammar
from autoglm_lite.chat.tools.format import CallGrammar, CallSplitter, Told
from autoglm_lite.chat.tools.jsontext import stream_object
from autoglm_lite.chat.tools.source import Parse
from autoglm_lite.chat.tools.splitter import Calls, Splitter
from autoglm_lite.chat.tools.told import arguments, described, one_call_each, standard
from autoglm_lite.grammar.chars import union, without
from autoglm_lite.grammar.rules import char_class, literal

AGAIN, OBSERVATION = "<|assistant|>", "<|observation|>"
CHARS = ((0, 0xD7FF), (0xE000, 0x10FFFF))


@dataclass(frozen=True, slots=True)
class Glm4:
    name: str = "glm-4"
    in_system: bool = False
    """Its first templates look for the tools in the system's message."""
    with_calls: bool = False
    """Whether the template writes `tool_calls` itself; else it wants the name as a message's `metadata`."""
    controls: tuple[str, ...] = (AGAIN, OBSERVATION)
    stops: tuple[str, ...] = (OBSERVATION,)

    def told(self, messages: Sequence[Message], tools: Sequence[Tool], /) -> Told:
        if self.with_calls:
            return standard(messages, tools)
        found: list[dict[str, Any]] = []
        for message in one_call_each(messages):
            if message.role == "tool":
                found.append({"role": "observation", "content": message.content})
                continue
            if message.content or not message.tool_calls:
                found.append(described(Message(message.role, message.content, message.reasoning)))
            for call in message.tool_calls:
                said = json.dumps(arguments(call), ensure_ascii=False)
                found.append({"role": "assistant", "metadata": call.name, "content": said})
        told = standard((), tools)
        if self.in_system and tools:
            if not found or found[0]["role"] != "system":
                found.insert(0, {"role": "system", "content": ""})
            found[0]["tools"] = told.tools
        return Told(found, told.tools)

    def splitter(self, tools: Sequence[Tool], /) -> CallSplitter:
        return Splitter(tools, parse, [AGAIN], at_start=True)

    def grammar(self, use: ToolUse, /) -> CallGrammar:
        return call_grammar(self, use)

    def rules(self, rules: CallRules, use: ToolUse, /) -> CallGrammar:
        """What the arguments must be depends on the beginning, so that the grammar holds from there, and allows any
        other text as well where no call is required."""
        calls = {f"{tool.name}\n": rules.arguments(tool) for tool in rules.tools}
        call = rules.several(rules.named(calls), f'"{AGAIN}" "\\n"?', parallel=use.parallel)
        if use.choice == "required":
            return CallGrammar(f"{GAP} {call}")
        other = _other(rules, [f"{name}{{" for name in calls], first=True)
        return CallGrammar(f"{GAP} ({call} | {other})")


def _other(rules: CallRules, texts: Sequence[str], *, first: bool = False) -> str:
    """Any text that begins with none of these; at `first` not with white space either."""
    anything = rules.add(f"{char_class(CHARS)}*")
    after: dict[str, list[str]] = {}
    for text in texts:
        after.setdefault(text[0], []).append(text[1:])
    taken = [*after, *(" \n" if first else "")]
    different = without(CHARS, union((ord(char), ord(char)) for char in taken))
    found = ['""', f"{char_class(different)} {anything}"]
    found += [f"{literal(char)} {_other(rules, rests)}" for char, rests in after.items() if "" not in rests]
    return rules.add(" | ".join(found))


def parse(calls: Calls, opening: str) -> Parse[bool]:
    source = calls.source
    yield from source.space()
    name = yield from source.until(("\n",), calls.longest + 1)
    if name is None or name.strip() not in calls.tools:
        return False
    yield from source.space()
    if not (yield from source.literal("{")):
        return False
    source.at -= 1
    begin = calls.begin(name.strip())
    yield begin
    yield from stream_object(source, begin.index)
    return True
