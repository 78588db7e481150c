"""Calls are found in a stream, whatever its cuts, and nothing else is lost."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoglm_lite.chat.tools.format import Arguments, Begun
from autoglm_lite.chat.tools.jsontext import JsonText
from tests.chat.tools.families import FAMILIES, TOOLS, Call, Family, Split, joined, split

by_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
CITY: Call = ("get_weather", {"city": 'São "Tomé" \\ <b>\nx</b>', "days": 3, "near": [1.5, -2], "unit": "C"})
CALLS: list[Call] = [CITY, ("time", {}), ("get_weather_alerts", {"all": True})]
FRAGMENTS = [
    *("<tool_call>", "</tool_call>", "<tool", "<function=", "</function>", ">", "<parameter=", "</parameter>", "city"),
    *("<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>", "[TOOL_CALLS]", "[ARGS]", "[CALL_ID]", "[", "]", ","),
    *("<|python_tag|>", "<|assistant|>", "time", "get_weather", "\n", " ", "{", "}", '"name"', ":", '"time"', ";"),
    *('{"name": "time", "arguments": {', '{"name": "time", "parameters": {', '"a"', "1", "true", '"', "\\", "Hi <b> x"),
]


def cut(text: str, places: list[int]) -> list[str]:
    at = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[a:b] for a, b in pairwise(at)]


@by_family
def test_calls(family: Family) -> None:
    splitter = family.format.splitter(TOOLS)
    found = split(splitter, [family.write(CALLS)])
    assert found.text == ""
    assert found.decoded == CALLS
    for call in CALLS:
        assert split(family.format.splitter(TOOLS), list(family.write([call]))).decoded == [call]


@by_family
def test_text_around_calls(family: Family) -> None:
    if not family.anywhere:
        text = f"Well, {family.write(CALLS[:1])}"
        assert split(family.format.splitter(TOOLS), [text]) == Split(text, [])
        text = f" \n{family.write(CALLS[:1])}\n\nWell."
        assert split(family.format.splitter(TOOLS), [text]).text.strip() == "Well."
        return
    found = split(family.format.splitter(TOOLS), [f"Let me see.\n\n{family.write(CALLS)}\n Well. \n"])
    assert (found.text, found.decoded) == ("Let me see.\n Well.", CALLS)


@by_family
def test_pieces_come_as_soon_as_they_are_certain(family: Family) -> None:
    splitter = family.format.splitter(TOOLS)
    seen = [splitter.feed(char) for char in family.write([CITY])]
    begun = next(i for i, pieces in enumerate(seen) if any(isinstance(piece, Begun) for piece in pieces))
    n_arguments = sum(isinstance(piece, Arguments) for pieces in seen[begun:] for piece in pieces)
    assert n_arguments > 20
    held = 0
    for char in "Now < a text [with ends {of openings} in it.":
        held = 0 if splitter.feed(char) else held + 1
        assert held <= 12


@by_family
@settings(max_examples=40)
@given(st.data())
def test_the_cuts_make_no_difference(family: Family, data: st.DataObject) -> None:
    parts = data.draw(st.lists(st.sampled_from([*FRAGMENTS, family.write(CALLS[:1]), family.write(CALLS)]), max_size=6))
    text = "".join(parts)
    places = data.draw(st.lists(st.integers(0, 400), max_size=6))
    whole = split(family.format.splitter(TOOLS), [text])
    assert split(family.format.splitter(TOOLS), cut(text, places)) == whole
    assert split(family.format.splitter(TOOLS), list(text)) == whole
    if not whole.calls:
        assert whole.text == text


@by_family
def test_what_is_no_call_is_text(family: Family) -> None:
    for call in (("no_such_tool", {"city": "x"}), ("get_weather_", {}), ("", {})):
        text = family.write([call])
        assert split(family.format.splitter(TOOLS), list(text)) == Split(text, [])
    text = family.write([("time", {})])[:5]
    assert split(family.format.splitter(TOOLS), list(text)) == Split(text, [])


def test_broken_json_is_text() -> None:
    for name, text in (
        ("hermes", '<tool_call>{"name": "time" "arguments": {}}</tool_call>'),
        ("hermes", "<tool_call>time</tool_call>"),
        ("hermes", '<tool_call>{"name": "time", "arguments": 5}</tool_call>'),
        ("llama", '{"city": "Oslo", "name": "time"}'),
        ("llama", '{"name": "time", "other": 1}'),
        ("mistral", "[TOOL_CALLS] [time]"),
        ("functionary", "<function=time>no</function>"),
        ("glm-4", "time\nis money"),
        ("glm-4.5", "<tool_call>time and again\n</tool_call>"),
        ("qwen3-coder", "<tool_call>\n<parameter=time>"),
    ):
        assert split(FAMILIES[name].format.splitter(TOOLS), list(text)) == Split(text, [])


def test_json_that_breaks_within_the_arguments_ends_the_call() -> None:
    splitter = FAMILIES["hermes"].format.splitter(TOOLS)
    found = split(splitter, ['<tool_call>{"name": "time", "arguments": {"a": 1, b}}</tool_call> and'])
    assert found == Split("b}}</tool_call> and", [("time", '{"a": 1, ')])


def test_other_orders_and_encoded_arguments() -> None:
    hermes = FAMILIES["hermes"].format
    for text in (
        '<tool_call>{"arguments": {"a": [1]}, "name": "time"}</tool_call>',
        '<tool_call>{"name": "time", "arguments": "{\\"a\\": [1]}"}</tool_call>',
        '<tool_call>{"id": "7", "name": "time", "arguments": {"a": [1]}}',
        '<tool_call> {"name" : "time" , "arguments" : {"a": [1]} , "more": {"b": 2} }',
    ):
        found = split(hermes.splitter(TOOLS), list(text))
        assert (found.text, found.decoded) == ("", [("time", {"a": [1]})])
    assert split(hermes.splitter(TOOLS), ['<tool_call>{"name": "time"}</tool_call>']).decoded == [("time", {})]


def test_values_without_quotes_are_what_the_schema_says() -> None:
    glm = FAMILIES["glm-4.5"]
    for value, expected in (
        ({"city": "5", "days": "5"}, {"city": "5", "days": 5}),
        ({"city": "true", "days": "many"}, {"city": "true", "days": "many"}),
        ({"city": "null", "unit": "C"}, {"city": "null", "unit": "C"}),
        ({"other": "5"}, {"other": 5}),
        ({"other": "five", "near": "[1, 2]"}, {"other": "five", "near": [1, 2]}),
        ({"near": "NaN"}, {"near": "NaN"}),
        ({"city": " a\n", "days": " 2 "}, {"city": " a\n", "days": 2}),
    ):
        assert split(glm.format.splitter(TOOLS), [glm.write([("get_weather", value)])]).decoded == [
            ("get_weather", expected)
        ]
    coder = FAMILIES["qwen3-coder"]
    text = coder.write([("get_weather_alerts", {"all": "True"})])
    assert split(coder.format.splitter(TOOLS), list(text)).decoded == [("get_weather_alerts", {"all": True})]


def test_a_call_that_was_cut_off() -> None:
    glm = FAMILIES["glm-4.5"]
    text = "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Os</arg_va"
    assert split(glm.format.splitter(TOOLS), [text]).calls == [("get_weather", '{"city": "Os')]
    text = "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Os</arg_value>"
    assert split(glm.format.splitter(TOOLS), [text]).decoded == [("get_weather", {"city": "Os"})]


def test_no_text_is_said_twice_or_lost_when_nothing_is_a_call() -> None:
    splitter = FAMILIES["llama"].format.splitter(())
    assert joined([*splitter.feed("  {"), *splitter.close()]) == Split("  {", [])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@settings(max_examples=40)
@given(st.dictionaries(st.text(), VALUES), st.booleans(), st.text(']},:1"a', max_size=4), st.integers(1, 30))
def test_the_end_of_an_object(value: dict[str, object], ascii_only: bool, behind: str, step: int) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    scanner, at = JsonText(), 0
    whole = text + behind
    for end in [*range(step, len(whole), step), len(whole)]:
        at = scanner.take(whole[:end], at)
    assert (scanner.done, scanner.broken, at) == (True, False, len(text))


@given(st.text('{}[]",:\\ tru1-.e0a\n', max_size=12))
def test_what_is_taken_for_json_is_json(text: str) -> None:
    scanner = JsonText()
    at = scanner.take("{" + text, 0)
    try:
        _, end = json.JSONDecoder().raw_decode("{" + text)
    except ValueError:
        end = None
    assert scanner.done == (end is not None)
    if end is not None:
        assert at == end
