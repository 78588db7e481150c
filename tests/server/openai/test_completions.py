"""Plain completions through OpenAI's own client."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.server.serving import Running
from tests.worker.test_worker import STORY

ONCE = "Once upon a time"
TEMPLATED = "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n"


def test_tells_the_story(client: OpenAI) -> None:
    whole = client.completions.create(model="stories", prompt=ONCE, max_tokens=70, temperature=0)
    (choice,) = whole.choices
    assert choice.text.startswith(STORY)
    assert (choice.index, choice.finish_reason, choice.logprobs) == (0, "length", None)
    assert (whole.object, whole.model) == ("text_completion", "stories")
    assert whole.usage is not None
    assert (whole.usage.completion_tokens, whole.usage.total_tokens) == (70, 70 + whole.usage.prompt_tokens)
    with client.completions.create(
        model="stories", prompt=ONCE, max_tokens=70, temperature=0, stream=True, stream_options={"include_usage": True}
    ) as chunks:
        *texts, usage = list(chunks)
    assert "".join(chunk.choices[0].text for chunk in texts) == choice.text
    assert texts[-1].choices[0].finish_reason == "length"
    assert usage.choices == []
    assert usage.usage is not None
    # All but the prompt's last token was read before.
    assert usage.usage.prompt_tokens_details is not None
    assert usage.usage.prompt_tokens_details.cached_tokens == usage.usage.prompt_tokens - 1


def test_several_prompts_and_choices_echoed(client: OpenAI) -> None:
    prompts = [ONCE, "The cat"]
    whole = client.completions.create(model="stories", prompt=prompts, n=2, echo=True, max_tokens=8, seed=3)
    assert [choice.index for choice in whole.choices] == [0, 1, 2, 3]
    assert [choice.text[:7] for choice in whole.choices] == ["Once up"] * 2 + ["The cat"] * 2
    assert whole.choices[2].text != whole.choices[3].text
    assert whole.usage is not None
    assert whole.usage.completion_tokens == 32
    streamed = ["", "", "", ""]
    ends = []
    for chunk in client.completions.create(
        model="stories", prompt=prompts, n=2, echo=True, max_tokens=8, seed=3, stream=True
    ):
        (choice,) = chunk.choices
        streamed[choice.index] += choice.text
        if choice.finish_reason:
            ends.append(choice.index)
    assert streamed == [choice.text for choice in whole.choices]
    assert sorted(ends) == [0, 1, 2, 3]


def test_logprobs_in_the_older_form(client: OpenAI) -> None:
    whole = client.completions.create(model="stories", prompt=ONCE, max_tokens=12, temperature=0, logprobs=3)
    found = whole.choices[0].logprobs
    assert found is not None
    assert found.tokens is not None
    assert found.top_logprobs is not None
    assert found.text_offset is not None
    assert found.token_logprobs is not None
    assert "".join(found.tokens) == whole.choices[0].text
    for token, value, top, at in zip(
        found.tokens, found.token_logprobs, found.top_logprobs, found.text_offset, strict=True
    ):
        # The likeliest token is taken at temperature 0.
        assert top[token] == value == max(top.values()) <= 0
        assert len(top) == 3
        assert whole.choices[0].text[at:].startswith(token)


def test_stops_before_a_stop_string(client: OpenAI) -> None:
    for stop in ("little", ["never there", "little"]):
        whole = client.completions.create(model="stories", prompt=ONCE, max_tokens=70, temperature=0, stop=stop)
        assert whole.choices[0].text == STORY[: STORY.index("little")]
        assert whole.choices[0].finish_reason == "stop"


def test_a_grammar(client: OpenAI) -> None:
    whole = client.completions.create(
        model="stories", prompt=ONCE, max_tokens=9, extra_body={"grammar": 'root ::= ("ab" | "cd")+'}
    )
    assert {whole.choices[0].text[i : i + 2] for i in range(0, len(whole.choices[0].text) - 1, 2)} <= {"ab", "cd"}
    with pytest.raises(openai.BadRequestError, match="grammar cannot be used"):
        client.completions.create(model="stories", prompt=ONCE, extra_body={"grammar": "nonsense"})


def test_a_rendered_template_is_taken_as_it_is(running: Running) -> None:
    body = {"prompt": TEMPLATED, "templated": True, "max_tokens": 6, "temperature": 0}
    whole = running.http.post("/v1/completions", json=body).json()
    templated = running.http.post("/tokenize", json={"content": TEMPLATED, "parse_special": True}).json()["tokens"]
    assert whole["usage"]["prompt_tokens"] == len(templated)
    plain = running.http.post("/v1/completions", json={**body, "templated": False}).json()
    assert plain["usage"]["prompt_tokens"] > len(templated)


def test_progress_of_reading(running: Running) -> None:
    body = {"model": "stories", "prompt": STORY * 4, "max_tokens": 3, "stream": True, "return_progress": True}
    lines = running.http.post("/v1/completions", json=body).text.split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    chunks: list[dict[str, Any]] = [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]
    told = [chunk["prompt_progress"] for chunk in chunks if "prompt_progress" in chunk]
    assert all(chunk["choices"] == [] for chunk in chunks if "prompt_progress" in chunk)
    assert told[0]["processed"] == told[0]["cache"] < told[-1]["processed"] == told[-1]["total"]
    assert chunks[-1]["timings"]["predicted_n"] == 3
    assert "prompt_progress" not in running.http.post("/v1/completions", json={**body, "return_progress": False}).text


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"suffix": "the end"}, "leave out suffix"),
        ({"echo": True, "logprobs": 1}, "leave out echo or logprobs"),
        ({"n": 5}, "n: expected `int` <= 4"),
        ({"prompt": [1, 2]}, "expected `str`, got `int`"),
        ({"prompt": []}, "prompt: expected `array` of length >= 1"),
        ({"temperature": -1}, "temperature"),
        ({"logit_bias": {"99999999": 1}}, "names token 99999999"),
        ({"stop": [""]}, "stop"),
    ],
)
def test_what_is_refused(running: Running, wrong: dict[str, Any], sentence: str) -> None:
    for stream in (False, True):
        body = {"model": "stories", "prompt": ONCE, "max_tokens": 3, "stream": stream, **wrong}
        answer = running.http.post("/v1/completions", json=body)
        assert answer.status_code == 400, answer.text
        assert sentence in answer.json()["error"]["message"]
        assert answer.json()["error"]["type"] == "invalid_request_error"


def test_a_prompt_that_does_not_fit(client: OpenAI) -> None:
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError) as caught:
            client.completions.create(model="stories", prompt=[ONCE, "word " * 3000], stream=stream)
        assert isinstance(caught.value.body, dict)
        assert caught.value.code == "context_length_exceeded"
        assert caught.value.type == "exceed_context_size_error"
        assert caught.value.body["n_prompt_tokens"] > caught.value.body["n_ctx"] == 512


def test_names_a_model_that_is_not_there(client: OpenAI, model_files: dict[str, Path]) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.completions.create(model="gpt-9", prompt=ONCE)
    assert caught.value.code == "model_not_found"
    assert "starter" in str(caught.value)
    with pytest.raises(openai.BadRequestError, match="choose a chat model"):
        client.completions.create(model="vectors", prompt=ONCE)
    with pytest.raises(openai.InternalServerError) as broken:
        client.completions.create(model="broken", prompt=ONCE)
    assert broken.value.status_code == 503
    assert str(model_files["broken"].parent) not in str(broken.value)
