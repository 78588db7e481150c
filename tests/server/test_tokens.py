"""Texts as tokens, and back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.serving import Running

TEXT = "hello, 世界 <|im_end|>!"


def tokens(running: Running, **body: Any) -> list[int]:
    answer = running.http.post("/tokenize", json=body)
    assert answer.status_code == 200, answer.text
    found: list[int] = answer.json()["tokens"]
    return found


@pytest.mark.parametrize("model", ["starter", "stories", "vectors"])
def test_there_and_back(running: Running, model: str) -> None:
    for parse_special in (True, False):
        ids = tokens(running, model=model, content="hello <|im_end|> cat", parse_special=parse_special)
        back = running.http.post("/detokenize", json={"model": model, "tokens": ids}).json()["content"]
        assert back.strip() == "hello <|im_end|> cat"


def test_names_of_control_tokens(running: Running) -> None:
    as_tokens, as_text = (tokens(running, content=TEXT, parse_special=parse) for parse in (True, False))
    assert len(as_tokens) < len(as_text)
    assert tokens(running, content=TEXT) == as_tokens
    for ids in (as_tokens, as_text):
        assert running.http.post("/detokenize", json={"tokens": ids}).json() == {"content": TEXT}


def test_what_is_put_around_a_text(running: Running) -> None:
    plain = tokens(running, model="stories", content="cat", parse_special=False)
    with_bos = tokens(running, model="stories", content="cat", parse_special=False, add_special=True)
    assert with_bos[1:] == plain
    assert tokens(running, model="stories", content="cat", templated=False) == with_bos
    assert tokens(running, model="stories", content="cat", templated=True) == plain
    assert tokens(running, content="") == []


@pytest.mark.parametrize("ids", [[10**6], [-1], [2**40], ["a"], [1.5]])
def test_no_tokens(running: Running, ids: list[object]) -> None:
    answer = running.http.post("/detokenize", json={"tokens": ids})
    assert answer.status_code == 400
    assert set(answer.json()) == {"error"}
    assert running.http.post("/detokenize", json={"tokens": []}).json() == {"content": ""}
