"""Prompts through Ollama's own client."""

from __future__ import annotations

from typing import Any

import ollama
import pytest
from ollama import Client

from tests.server.serving import Running
from tests.worker.test_worker import STORY

EXACT = {"temperature": 0}


def test_a_prompt_is_a_question(client: Client) -> None:
    prompt = "Hello, who are you?"
    whole = client.generate("starter", prompt, options=EXACT)
    said = client.chat("starter", [{"role": "user", "content": prompt}], options=EXACT).message.content
    assert whole.response == said
    assert (whole.done, whole.done_reason) == (True, "stop")
    pieces = list(client.generate("starter", prompt, stream=True, options=EXACT))
    assert "".join(piece.response or "" for piece in pieces) == said
    assert pieces[-1].eval_count == whole.eval_count


def test_a_raw_prompt_is_continued(client: Client) -> None:
    whole = client.generate("stories", "Once upon a time", raw=True, options={**EXACT, "num_predict": 70})
    assert (whole.response or "").startswith(STORY)
    templated = "<|im_start|>user\nHello, who are you?<|im_end|>\n<|im_start|>assistant\n"
    said = client.generate("starter", "Hello, who are you?", options=EXACT).response
    assert client.generate("starter", templated, raw=True, options=EXACT).response == said


def test_a_system_prompt_counts(client: Client) -> None:
    alone = client.generate("starter", "Hello", options={"num_predict": 1})
    with_system = client.generate("starter", "Hello", system="Be brief and kind.", options={"num_predict": 1})
    assert (with_system.prompt_eval_count or 0) > (alone.prompt_eval_count or 0)


def test_thinking(lively_client: Client) -> None:
    found = lively_client.generate("thinker", "Hello", think=True, options={"num_predict": 20})
    assert (bool(found.thinking), found.response) == (True, "")
    found = lively_client.generate("thinker", "Hello", think=False, options={"num_predict": 20})
    assert (found.thinking, bool(found.response)) == (None, True)


def test_what_is_not_done_is_refused(client: Client, running: Running) -> None:
    for asked in (
        {"suffix": "the end"},
        {"template": "{{ .Prompt }}"},
        {"images": [b"\x89PNG"]},
        {"raw": True, "system": "Be brief."},
    ):
        with pytest.raises(ollama.ResponseError) as caught:
            client.generate("starter", "Hello", **asked)
        assert caught.value.status_code == 400


def test_a_conversation_as_tokens_goes_on(client: Client) -> None:
    first = client.generate("starter", "Hello, who are you?", options=EXACT)
    assert first.context
    again: Any = client.generate("starter", "What else?", context=first.context, options={"num_predict": 1})
    assert again.prompt_eval_count > len(first.context)
