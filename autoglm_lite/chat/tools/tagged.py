"""GLM-4.5 and later, Qwen3-Coder: each argument between tags of its own, strings without quotes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from autoglm_lite.chat.messages import Message, Tool, ToolUse
from autoglm_lite.chat.tools.enforced import GAP, CallRules, call_grammar
from autoglm_lite.chat.tools.format import Arguments, CallGrammar, CallSplitter, Told
from autoglm_lite.chat.tools.hermes import closed
from autoglm_lite.chat.tools.parameters import as_json, kinds, properties, schema
from autoglm_lite.chat.tools.raw import values_of, without_mark
from autoglm_lite.chat.tools.source import Parse, partial
from autoglm_lite.chat.tools.splitter import Calls, Splitter
from autoglm_lite.chat.tools.told import standard
from autoglm_lite.grammar.rules import literal

OPENING, CLOSING = "<tool_call>", "</tool_call>"
TEXT = frozenset({"string"})
MOST_KEY, MOST_VALUE = 1000, 1_000_000
"""Characters."""


@dataclass(frozen=True, slots=True)
class Tags:
    """As a model writes them; what it may add or leave out between them is white space."""

    before_name: str
    after_name: str
    before_key: str
    after_key: str
    before_value: str
    after_value: str
    end: str


GLM = Tags("", "", "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>", "")
CODER = Tags("<function=", ">", "<parameter=", ">", "", "</parameter>", "</function>")


@dataclass(frozen=True, slots=True)
class Tagged:
    name: str
    tags: Tags
    stops: tuple[str, ...] = ()

    @property
    def controls(self) -> tuple[str, ...]:
        tags = (self.tags.before_key, self.tags.after_key, self.tags.before_value, self.tags.after_value)
        return (OPENING, CLOSING, *filter(None, tags), *self.stops)

    def told(self, messages: Sequence[Message], tools: Sequence[Tool], /) -> Told:
        return standard(messages, tools)

    def splitter(self, tools: Sequence[Tool], /) -> CallSplitter:
        return Splitter(tools, self.parse, [OPENING])

    def grammar(self, use: ToolUse, /) -> CallGrammar:
        return call_grammar(self, use)

    def rules(self, rules: CallRules, use: ToolUse, /) -> CallGrammar:
        tags, line = self.tags, '"\\n"?'
        end = " ".join(f'"{text}" {line}' for text in (tags.end,) if text) + f' "{CLOSING}"'
        begin = f'{line} "{tags.before_name}"' if tags.before_name else '""'
        names = {f"{tool.name}{tags.after_name}": f"{self._arguments(rules, tool)} {end}" for tool in rules.tools}
        calls = rules.several(rules.add(f"{begin} {rules.named(names)}"), f'{GAP} "{OPENING}"', parallel=use.parallel)
        if use.choice == "required":
            return CallGrammar(f'{GAP} "{OPENING}" {calls}')
        return CallGrammar(calls, (OPENING,))

    def _arguments(self, rules: CallRules, tool: Tool) -> str:
        """In the order of the properties; those that are not required may be left out."""
        found = schema(tool)
        named = {} if tool.name in rules.loose else properties(tool)
        if not named:
            if tool.name not in rules.loose and found.get("additionalProperties") is False:
                return '"\\n"?'
            key = f'"{self.tags.before_key}" [^<>\\n]+ {self._between()}'
            return f'"\\n"? ({rules.add(f"{key} {without_mark(rules, self.tags.after_value)}")} "\\n"?)*'
        parts = []
        required = found.get("required", [])
        for name, part in named.items():
            key = f'"{self.tags.before_key}" {literal(name)} {self._between()}'
            value = self._value(rules, tool, name, part)
            one = rules.add(f'{key} {value} "\\n"?')
            parts.append(one if name in required else f"({one})?")
        return " ".join(['"\\n"?', *parts])

    def _between(self) -> str:
        tags = self.tags
        if tags.before_value:
            return f'"{tags.after_key}" "\\n"? "{tags.before_value}"'
        return f'"{tags.after_key}\\n"'

    def _value(self, rules: CallRules, tool: Tool, name: str, part: Any) -> str:
        """With its end."""
        end = self.tags.after_value if self.tags.before_value else f"\n{self.tags.after_value}"
        texts = values_of(part)
        if texts is not None:
            return rules.named(dict.fromkeys((f"{text}{end}" for text in texts), '""'))
        if "string" in kinds(part, tool.parameters):
            return without_mark(rules, self.tags.after_value)
        return f"{rules.value(tool, part, f'$.properties.{name}')} {literal(end)}"

    def parse(self, calls: Calls, opening: str) -> Parse[bool]:
        source, tags = calls.source, self.tags
        yield from source.space()
        if tags.before_name and not (yield from source.literal(tags.before_name)):
            return False
        ends = [tags.after_name] if tags.after_name else ["\n", tags.before_key, CLOSING]
        name = yield from source.until(ends, calls.longest + 1)
        if name is None or name.strip() not in calls.tools:
            return False
        if tags.after_name:
            yield from source.literal(tags.after_name)
        begin = calls.begin(name.strip())
        yield begin
        yield from self._pairs(calls, begin.index, calls.tools[begin.name])
        return True

    def _pairs(self, calls: Calls, index: int, tool: Tool) -> Parse[None]:
        source, tags = calls.source, self.tags
        named, separator = properties(tool), "{"
        while True:
            source.forget()
            yield from source.space()
            if not (yield from source.literal(tags.before_key)):
                if tags.before_key.startswith(source.rest()):
                    source.at = len(source.text)
                break
            key = yield from source.until((tags.after_key,), MOST_KEY)
            if key is None:
                source.at = 0
                break
            yield from source.literal(tags.after_key)
            if tags.before_value:
                yield from source.space()
                if not (yield from source.literal(tags.before_value)):
                    source.at = 0
                    break
            else:
                yield from source.literal("\n")
            yield Arguments(index, f"{separator}{json.dumps(key.strip(), ensure_ascii=False)}: ")
            separator = ", "
            if not (yield from self._read(calls, index, kinds(named.get(key.strip(), {}), tool.parameters))):
                return
        yield Arguments(index, "{}" if separator == "{" else "}")
        if tags.end:
            yield from closed(calls, tags.end)
        yield from closed(calls, CLOSING)

    def _read(self, calls: Calls, index: int, allowed: frozenset[str]) -> Parse[bool]:
        """One value, as JSON; whether it came to its end."""
        source, end = calls.source, self.tags.after_value
        ends = (end,) if self.tags.before_value else (f"\n{end}", end)
        if allowed != TEXT:
            text = yield from source.until(ends, MOST_VALUE)
            if text is None:
                source.at = len(source.text)
                return False
            yield Arguments(index, as_json(text, allowed))
            yield from source.literal(*ends)
            return True
        yield Arguments(index, '"')
        source.forget()
        while True:
            places = [at for one in ends if (at := source.text.find(one)) >= 0]
            source.at = min(places, default=len(source.text) - partial(source.text, ends))
            if source.at:
                yield Arguments(index, json.dumps(source.text[: source.at], ensure_ascii=False)[1:-1])
            source.forget()
            if places:
                yield Arguments(index, '"')
                yield from source.literal(*ends)
                return True
            if not (yield from source.more()):
                # Cut off within the text: what may have been the end's beginning is of no use.
                source.at = len(source.text)
                return False
