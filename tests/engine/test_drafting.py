"""Guesses change how fast an answer comes, never what it says."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from autoglm_lite.engine.engine import Engine
from autoglm_lite.engine.speculation import Gate
from autoglm_lite.generation import Finished, GenerateRequest, Sampling, Text
from autoglm_lite.planning.plan import Plan
from tests.engine.asking import GREEDY

LOOP = 'root ::= [a-z]* "." (" The cat " [a-z]+ " on the mat.")*'
REPEATING = "The dog ran. The cat sat. The dog ran. The cat sat. The dog ran. The cat sat. The dog"
ASKS = [
    GenerateRequest(REPEATING, False, GREEDY, 60),
    GenerateRequest(REPEATING, False, GREEDY, 7),
    GenerateRequest(REPEATING, False, Sampling(temperature=0.7, seed=3), 60),
    GenerateRequest(REPEATING, False, Sampling(temperature=0, repeat_penalty=1.3), 60),
    GenerateRequest(REPEATING, False, replace(GREEDY, logit_bias=((300, -5.0),)), 60, stop=("sat. The",)),
    GenerateRequest("Once upon a time", False, GREEDY, None),
    # The drafts go on as before where the grammar begins to hold, within a token and after one.
    GenerateRequest(REPEATING, False, replace(GREEDY, grammar=LOOP, grammar_after=(" sa",)), 60),
    GenerateRequest(REPEATING, False, replace(GREEDY, grammar=LOOP, grammar_after=("dog ran.",)), 60),
]


def ask(engine: Engine, request: GenerateRequest) -> tuple[str, str, int, int]:
    """Text, reason, tokens and steps."""
    engine.submit(0, request)
    text, n_steps, end = "", 0, None
    while engine.busy:
        n_steps += 1
        for _, event in engine.step():
            if isinstance(event, Text):
                text += event.text
            elif isinstance(event, Finished):
                end = event
    assert end is not None
    return text, end.reason, end.completion_tokens, n_steps


def answers_to_all(model: Path) -> tuple[list[tuple[str, str, int]], int]:
    """What is answered to each and to what follows it, and how many steps that took."""
    found, n_steps = [], 0
    for request in ASKS:
        with closing(Engine(Plan(str(model), 256, 1, 1))) as engine:
            text, reason, n_tokens, n = ask(engine, request)
            n_steps += n
            found.append((text, reason, n_tokens))
            if reason == "length":
                # What is left in the cache is what was said.
                found.append(ask(engine, replace(request, prompt=request.prompt + text, max_tokens=5))[:3])
    return found, n_steps


@pytest.mark.parametrize("width", [3, 15, 40])
def test_the_same_answers_in_fewer_steps(stories_gguf: Path, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setattr(Gate, "width", lambda _: 0)
    plain, n_plain = answers_to_all(stories_gguf)
    monkeypatch.setattr(Gate, "width", lambda _: width)
    guessed, n_guessed = answers_to_all(stories_gguf)
    assert guessed == plain
    assert n_guessed < n_plain
