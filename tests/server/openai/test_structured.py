"""Answers of a given form."""

from __future__ import annotations

import json
from typing import Any, Literal

import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam
from pydantic import BaseModel

QUESTION: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Is 2+3 equal to 5?"}]


class Verdict(BaseModel):
    right: bool
    sum: Literal[4, 5, 6]
    words: list[Literal["yes", "no"]]


def test_parsed_as_a_model_of_pydantic(client: OpenAI) -> None:
    found = client.chat.completions.parse(model="starter", messages=QUESTION, response_format=Verdict, max_tokens=300)
    if found.choices[0].finish_reason == "stop":
        assert isinstance(found.choices[0].message.parsed, Verdict)
    with client.chat.completions.stream(
        model="starter", messages=QUESTION, response_format=Verdict, max_tokens=300, seed=1
    ) as stream:
        last = stream.get_final_completion()
    assert isinstance(last.choices[0].message.parsed, Verdict)


def test_any_object(client: OpenAI) -> None:
    # A list of biases that makes the model close what it opened.
    found = client.chat.completions.create(
        model="starter",
        messages=QUESTION,
        response_format={"type": "json_object"},
        max_tokens=400,
        temperature=0,
    )
    text = found.choices[0].message.content or ""
    assert text.lstrip().startswith("{")
    if found.choices[0].finish_reason == "stop":
        assert isinstance(json.loads(text), dict)


@pytest.mark.parametrize("strict", [None, True])
def test_a_schema(client: OpenAI, strict: bool | None) -> None:
    schema = {"type": "object", "properties": {"a": {"enum": [1, "x"]}}, "required": ["a"]}
    given: Any = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": strict}}
    found = client.chat.completions.create(model="starter", messages=QUESTION, response_format=given)
    assert json.loads(found.choices[0].message.content or "")["a"] in (1, "x")


def test_a_schema_that_cannot_be_enforced(client: OpenAI) -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "https://example.com/schema"}}, "required": ["a"]}

    def ask(strict: bool) -> str:
        given: Any = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": strict}}
        found = client.chat.completions.create(model="starter", messages=QUESTION, response_format=given, max_tokens=5)
        return found.choices[0].message.content or ""

    with pytest.raises(openai.BadRequestError, match="schema"):
        ask(strict=True)
    assert ask(strict=False).lstrip().startswith("{")
