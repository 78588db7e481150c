"""Calls written as one JSON object that holds a name and the arguments."""

from __future__ import annotations

import json
import re
from typing import Any

from autoglm_lite.chat.tools.format import Arguments
from autoglm_lite.chat.tools.jsontext import JsonText, stream_object
from autoglm_lite.chat.tools.source import Parse
from autoglm_lite.chat.tools.splitter import Calls

_HEAD = re.compile(
    r'\s*\{\s*(?:"type"\s*:\s*"function"\s*,\s*)?"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,'
    r'\s*"(?:arguments|parameters)"\s*:\s*(?=\{)'
)
"""As nearly every call begins; what follows can be given out as it comes."""
_KEYS = ('{"name"', '{"type"', '{"arguments"', '{"parameters"', '{"id"')
_BLANK = re.compile(r"\s+")


def envelope(calls: Calls) -> Parse[bool]:
    """Reads one such object, as CallParser says."""
    source = calls.source
    yield from source.space()
    start = place = source.at
    whole = JsonText()
    while (head := _HEAD.match(source.text, start)) is None:
        place = whole.take(source.text, place)
        if whole.done:
            source.at = place
            return (yield from _unusual(calls, source.text[start:place]))
        begun = _BLANK.sub("", source.text[start : start + 60])
        likely = any(key.startswith(begun) or begun.startswith(key) for key in _KEYS)
        if whole.broken or not likely or not (yield from source.more()):
            return False
    name = _decoded(head[1])
    if name not in calls.tools:
        return False
    begin = calls.begin(name)
    yield begin
    source.at = head.end()
    if (yield from stream_object(source, begin.index)):
        yield from _rest(calls)
    return True


def _unusual(calls: Calls, text: str) -> Parse[bool]:
    """A call with its parts in another order, or with its arguments as a text."""
    call = _decoded(text)
    if not isinstance(call, dict):
        return False
    arguments = call.get("arguments", call.get("parameters", {} if set(call) <= {"name", "type", "id"} else None))
    if isinstance(arguments, str):
        arguments = _decoded(arguments)
    name = call.get("name")
    if not isinstance(name, str) or name not in calls.tools or not isinstance(arguments, dict):
        return False
    begin = calls.begin(name)
    yield begin
    yield Arguments(begin.index, json.dumps(arguments, ensure_ascii=False))
    return True


def _rest(calls: Calls) -> Parse[None]:
    """What an object may hold behind the arguments, and its end."""
    source, rest = calls.source, JsonText()
    rest.take('{"":0', 0)
    while True:
        source.at = rest.take(source.text, source.at)
        if rest.done or rest.broken or not (yield from source.more()):
            return


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
