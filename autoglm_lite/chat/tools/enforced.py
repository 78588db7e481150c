"""Grammars of calls, from what a family's calls look like and the tools' schemas."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

from autoglm_lite.chat.messages import Tool, ToolUse
from autoglm_lite.chat.tools.format import CallGrammar
from autoglm_lite.chat.tools.parameters import schema
from autoglm_lite.errors import UsageError
from autoglm_lite.grammar.document import check_document
from autoglm_lite.grammar.rules import literal, one_of
from autoglm_lite.grammar.schema import finished, from_schema
from autoglm_lite.grammar.writer import SchemaWriter

MOST_CALLS = 16
"""In one answer: a small model may not find an end."""
MOST_TRIED = 16
"""Tools of which each is tried alone where all together are refused."""
GAP = r"[ \n]{0,4}"
"""White space that models put before and between calls."""


class CallRules:
    """Expressions that the grammar of a family's calls is put together from."""

    def __init__(self, tools: Sequence[Tool], loose: frozenset[str]) -> None:
        """`loose`: names of tools whose arguments may be any JSON object."""
        self.tools = tools
        self.loose = loose
        self.plain = SchemaWriter(True)
        self.ends: dict[str, str] = {}
        """By a mark, the rule of the text up to it."""

    def add(self, expression: str) -> str:
        """A name for it."""
        return self.plain.rules.add(expression)

    def arguments(self, tool: Tool) -> str:
        """The rule of a JSON object that fits."""
        if tool.name in self.loose:
            return self.plain.any_of_type("object")
        return SchemaWriter(schema(tool), self.plain).reference("#", "$")

    def value(self, tool: Tool, part: Any, path: str) -> str:
        """The rule of JSON that fits a part of a tool's schema."""
        return SchemaWriter(schema(tool), self.plain).inside(part, path)

    def named(self, rests: Mapping[str, str]) -> str:
        """One of these texts and the expression that is to follow it: what they have in common is written once."""
        groups: dict[str, dict[str, str]] = {}
        for text, rest in rests.items():
            groups.setdefault(text[:1], {})[text] = rest
        found = []
        for group in groups.values():
            first, last = min(group), max(group)
            n = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
            if len(group) == 1:
                found.append(f"{literal(first)} {group[first]}")
            else:
                further = self.named({text[n:]: rest for text, rest in group.items()})
                found.append(f"{literal(first[:n])} {further}")
        return self.add(one_of(found))

    def several(self, call: str, between: str, *, parallel: bool) -> str:
        """`call`, or where calls may be `parallel` more of them."""
        if not parallel:
            return call
        # Who has begun with white space may still end: else it would have to make up another call.
        return f"{call} {self.add(f'{between} {call}')}{{0,{MOST_CALLS - 1}}} {GAP}"

    def envelopes(self, key: str) -> str:
        """The rule of a JSON object with the name and, under `key`, the arguments."""
        rests = {}
        for tool in self.tools:
            name = json.dumps(tool.name, ensure_ascii=False)[1:]
            rests[name] = f'"," " "? "\\"{key}\\":" " "? {self.arguments(tool)} "}}"'
        return self.named(rests)


class CallForm(Hashable, Protocol):
    """Of one family; its grammars are remembered."""

    def rules(self, rules: CallRules, use: ToolUse, /) -> CallGrammar:
        """With the name of the grammar's root in place of the whole grammar."""


def call_grammar(form: CallForm, use: ToolUse) -> CallGrammar:
    """See ToolFormat.grammar."""
    if not use.tools:
        raise UsageError("No tools were given, so that none can be called.")
    tools = json.dumps([[tool.name, tool.parameters, tool.strict] for tool in use.tools])
    return _made(form, tools, use.choice == "required", use.parallel)


# Programs ask with the same tools again and again.
@lru_cache(maxsize=32)
def _made(form: CallForm, tools_json: str, required: bool, parallel: bool) -> CallGrammar:
    tools = [Tool(name, "", parameters, strict) for name, parameters, strict in json.loads(tools_json)]
    use = ToolUse(tuple(tools), "required" if required else "auto", parallel)
    loose = _loose(tools, _write)
    try:
        return _finished(form, use, loose)
    except UsageError as error:
        # One of them is too much, or all together are. To find out takes up to a second for each.
        if len(tools) <= MOST_TRIED:
            loose |= _loose(tools, from_schema)
        strict = any(tool.strict for tool in tools)
        try:
            return _finished(form, use, loose)
        except UsageError:
            if strict:
                raise UsageError(f"The tools' parameters cannot be enforced together: {error}") from error
            return _finished(form, use, frozenset(tool.name for tool in tools))


def _finished(form: CallForm, use: ToolUse, loose: frozenset[str]) -> CallGrammar:
    rules = CallRules(use.tools, loose)
    made = form.rules(rules, use)
    gbnf = finished(rules.plain.rules, made.grammar)
    return CallGrammar(gbnf, made.grammar_after, made.grammar_at_start)


def _loose(tools: Sequence[Tool], try_out: Callable[[object], object]) -> frozenset[str]:
    """The names of those whose schemas `try_out` refuses. Raises UsageError where one of them is strict."""
    return frozenset(tool.name for tool in tools if _refused(tool, try_out))


def _refused(tool: Tool, try_out: Callable[[object], object]) -> bool:
    try:
        try_out(schema(tool))
    except UsageError as error:
        if tool.strict:
            raise UsageError(f"The parameters of the tool {tool.name!r} cannot be enforced: {error}") from error
        return True
    return False


def _write(found: object) -> object:
    check_document(found)
    return SchemaWriter(found).reference("#", "$")
