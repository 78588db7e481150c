"""Whatever a model would like to write: where a call is required or begun, it becomes one that fits its tool."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import jsonschema
import pytest

from autoglm_lite.chat.messages import Tool, ToolUse
from autoglm_lite.chat.tools.format import CallGrammar
from autoglm_lite.chat.tools.none import NoTools
from autoglm_lite.chat.tools.parameters import schema
from autoglm_lite.errors import UsageError
from autoglm_lite.generation import Sampling
from tests.chat.tools.families import FAMILIES, LONGER, TIME, TOOLS, WEATHER, Call, Family, split
from tests.native.writer import STARTER, Writer

SIZE = Tool(
    "size",
    "How large.",
    {
        "type": "object",
        "properties": {
            "of": {"enum": ["house", "home", "cat <b>"]},
            "deep": {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 99}, "maxItems": 3},
            "exact": {"type": "boolean"},
            "part": {"anyOf": [{"$ref": "#/$defs/part"}, {"type": "null"}]},
        },
        "required": ["of", "exact"],
        "additionalProperties": False,
        "$defs": {"part": {"type": "object", "properties": {"n": {"enum": [1, 2]}}, "required": ["n"]}},
    },
)
SHORT = (SIZE, replace(SIZE, name="size_of_all"), LONGER, TIME)
"""Tools whose calls are short, whoever writes them."""
by_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
LIVELY = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0)
CITY: Call = ("get_weather", {"city": "São <b> </arg> </para", "days": 3})


@pytest.fixture(scope="module")
def writer() -> Iterator[Writer]:
    with closing(Writer(STARTER)) as found:
        yield found


def follows(writer: Writer, grammar: str, text: str) -> bool:
    """Whether a whole text may be written."""
    sampler = writer.sampler(Sampling(grammar=grammar))
    try:
        for token in [*writer.model.tokenize(text, add_special=False, parse_special=False), writer.model.end]:
            assert token is not None
            if not sampler._allows(sampler._grammar, token):
                return False
            if not writer.model.ends_generation(token):
                writer.model.candidates._lib.llama_sampler_accept(sampler._grammar, token)
        return True
    finally:
        sampler.close()


def begun(family: Family, made: CallGrammar, calls: list[Call]) -> str:
    """What a family writes behind the first text that sets its grammar off."""
    text = family.write(calls)
    ends = [text.find(one) + len(one) for one in made.grammar_after if one in text]
    return text[min(ends) :] if ends else text


@by_family
def test_models_may_write_what_they_were_taught(writer: Writer, family: Family) -> None:
    several = [CITY, ("time", {}), ("get_weather_alerts", {"all": False})]
    for parallel in (True, False):
        made = family.format.grammar(ToolUse(TOOLS, "auto", parallel))
        if not family.before.startswith("<|python"):
            required = family.format.grammar(ToolUse(TOOLS, "required", parallel))
            assert required.grammar_after == ()
        for call in several:
            assert follows(writer, made.grammar, begun(family, made, [call]).replace(', "id": "abc"', ""))
            if not family.before.startswith("<|python"):
                assert follows(writer, required.grammar, family.write([call]).replace(', "id": "abc"', ""))
        text = begun(family, made, several).replace(', "id": "abc"', "")
        assert follows(writer, made.grammar, text) == (parallel and family.format.name != "llama")


@by_family
def test_white_space_behind_a_call_demands_no_other(writer: Writer, family: Family) -> None:
    for tools in (TOOLS, SHORT):
        made = family.format.grammar(ToolUse(tools))
        text = begun(family, made, [("time", {})]).replace(', "id": "abc"', "")
        assert follows(writer, made.grammar, text)
        # Otherwise nothing but the end may follow at all.
        assert follows(writer, made.grammar, f"{text}\n") == (family.format.name != "llama" and not family.after)


@by_family
def test_nothing_else_may_be_written(writer: Writer, family: Family) -> None:
    made = family.format.grammar(ToolUse(TOOLS, "required"))
    wrong: list[Call] = [("get_weathe", {"city": "x", "days": 1}), ("get_weather", {}), ("time", {"a": 1})]
    wrong += [("get_weather", {"city": "x", "days": 10}), ("get_weather", {"city": "x", "days": 1, "unit": "K"})]
    for call in wrong:
        assert not follows(writer, made.grammar, family.write([call]).replace(', "id": "abc"', ""))
    assert not follows(writer, made.grammar, "")
    assert not follows(writer, made.grammar, "Hello")


def test_other_answers_of_glm_4(writer: Writer) -> None:
    """Its grammar holds from the beginning, for the name comes first."""
    made = FAMILIES["glm-4"].format.grammar(ToolUse(TOOLS))
    for text in ("", "\nHello", "time", "time\nis money", "get_weather\n", "get_weather_a", "x\ntime\n{", "ti"):
        assert follows(writer, made.grammar, text)
    for text in ("time\n{1", "\ntime\n{ 1", 'get_weather\n{"a'):
        assert not follows(writer, made.grammar, text)


@by_family
@pytest.mark.parametrize("seed", [0, 1, 3])
def test_required(writer: Writer, family: Family, seed: int) -> None:
    use = ToolUse(SHORT, "required", parallel=seed == 3)
    made = family.format.grammar(use)
    written = writer.write(writer.sampler(replace(LIVELY, grammar=made.grammar, seed=seed)), 480, "The weather is ")
    found = split(family.format.splitter(SHORT), [writer.text(written)])
    if writer.model.ends_generation(written[-1]):
        assert found.text == ""
        assert len(found.calls) == 1 or use.parallel
    else:
        assert use.parallel, "it came to no end"
        found.calls.pop()
    assert found.calls
    validate(found.decoded, SHORT)


@by_family
def test_begun(writer: Writer, family: Family) -> None:
    """The opening is a word that the model likes to write."""
    made = family.format.grammar(ToolUse(SHORT, parallel=False))
    if not made.grammar_after:
        return
    free = writer.text(writer.write(writer.sampler(Sampling(temperature=0)), 30))
    word = free.split()[3]
    sampling = replace(LIVELY, temperature=0, grammar=made.grammar, grammar_after=(word,))
    text = writer.text(writer.write(writer.sampler(sampling), 300))
    assert text.startswith(free[: free.index(word) + len(word)])
    found = split(family.format.splitter(SHORT), [made.grammar_after[0] + text.split(word, 1)[1]])
    assert len(found.calls) == 1
    assert found.text == ""
    validate(found.decoded, SHORT)


def validate(calls: list[Call], tools: tuple[Tool, ...]) -> None:
    known = {tool.name: tool for tool in tools}
    for name, arguments in calls:
        jsonschema.Draft202012Validator(schema(known[name])).validate(arguments)


IMPOSSIBLE = {"type": "object", "properties": {"a": {"not": {"type": "string"}}}, "required": ["a"]}


@by_family
def test_a_schema_that_cannot_be_enforced(writer: Writer, family: Family) -> None:
    tools = (replace(WEATHER, name="hard", parameters=IMPOSSIBLE), TIME)
    for choice in ("auto", "required"):
        made = family.format.grammar(ToolUse(tools, choice))
        text = begun(family, made, [("hard", {"a": 1, "b": [2]})]).replace(', "id": "abc"', "")
        if choice == "auto" or not family.before.startswith("<|python"):
            assert follows(writer, made.grammar, text)
        with pytest.raises(UsageError, match=r"'hard'.*\$\.properties\.a"):
            family.format.grammar(ToolUse((replace(tools[0], strict=True), TIME), choice))


def test_tools_that_are_too_much_together() -> None:
    tools = tuple(Tool(f"tool{i}", "", {"properties": {"p0": {"const": f"{i} " * 2000}}}) for i in range(20))
    made = FAMILIES["hermes"].format.grammar(ToolUse(tools))
    assert "p0" not in made.grammar
    with pytest.raises(UsageError):
        FAMILIES["hermes"].format.grammar(ToolUse(tuple(replace(tool, strict=True) for tool in tools)))


def test_names_of_any_kind(writer: Writer) -> None:
    tools = tuple(Tool(name, "", {}) for name in ("a", "ab", "a-b", 'q"uote', "é", "a.b"))
    for family in FAMILIES.values():
        made = family.format.grammar(ToolUse(tools, "required", parallel=False))
        if not family.before.startswith("<|python"):
            for tool in tools[:3]:
                assert follows(writer, made.grammar, family.write([(tool.name, {})]).replace(', "id": "abc"', ""))


def test_the_same_tools_again_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    family = FAMILIES["hermes"]
    made = family.format.grammar(ToolUse(TOOLS))
    monkeypatch.setattr("autoglm_lite.chat.tools.enforced._finished", None)
    assert family.format.grammar(ToolUse(tuple(replace(tool, description="new") for tool in TOOLS))) is made


def test_models_without_tools() -> None:
    with pytest.raises(UsageError, match="no chat template"):
        NoTools().grammar(ToolUse(TOOLS))
    with pytest.raises(UsageError, match="No tools were given"):
        FAMILIES["hermes"].format.grammar(ToolUse(()))
