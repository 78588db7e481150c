"""What is computed together differs from what is computed alone by rounding, and by no more."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from autoglm_lite.engine.engine import Engine
from autoglm_lite.generation import GenerateRequest, Text
from autoglm_lite.planning.plan import Plan
from autoglm_lite.store.models import starter_path
from tests.engine.asking import GREEDY, answers, events
from tests.gguf.tiny import MODELS

STORIES = ["Once upon a time", "One day, a girl named Lily", "Tom had a big red", "The dog and the cat went"]
QUESTIONS = ["How do I get a better model?", "怎么获得更好的模型？", "What is 12 + 7?", "Which models can you run?"]
N_TOKENS = 48


def assert_same_but_for_ties(model: Path, request: GenerateRequest, text: str, margin: float, n_ubatch: int) -> None:
    """`text` is what the model answers when it is asked by itself, up to a token that another one was as likely as."""
    asked = replace(request, logprobs=2)
    with closing(Engine(Plan(str(model), 512, 1, 1, n_ubatch=n_ubatch))) as engine:
        found = [one for event in events(engine, asked) if isinstance(event, Text) for one in event.logprobs]
    said = b"".join(one.piece for one in found).decode("utf-8", "replace")
    before = b""
    for token in found:
        # The end may be a part of a character.
        if not text.startswith((before + token.piece).decode("utf-8", "replace").rstrip("\ufffd")):
            (_, _, best), (_, _, second) = token.top
            assert best - second < margin, (text, said)
            return
        before += token.piece
    assert text == said


@pytest.mark.parametrize(("kind", "margin"), [("stories", 0.05), ("starter", 0.5)])
def test_another_answer_comes_only_where_two_tokens_are_as_likely(stories_gguf: Path, kind: str, margin: float) -> None:
    model, prompts = (stories_gguf, STORIES) if kind == "stories" else (starter_path(), QUESTIONS)
    random = Random(3)
    for _ in range(4):
        # Beginnings of several lengths, so that they are read in other chunks when together.
        requests = [GenerateRequest(prompt * random.randint(1, 5), False, GREEDY, N_TOKENS) for prompt in prompts]
        with closing(Engine(Plan(str(model), 2048, 1, 1, n_ubatch=64, n_parallel=4))) as engine:
            together = answers(engine, requests)
        for request, (text, _) in zip(requests, together, strict=True):
            assert_same_but_for_ties(model, request, text, margin, random.choice([16, 64, 256]))


@pytest.mark.parametrize("kind", MODELS)
def test_models_that_cannot_be_cut_answer_together_too(kind: str, tmp_path: Path) -> None:
    model = MODELS[kind]().write(tmp_path / "tiny.gguf")
    # Longer than the sliding window of 32 tokens.
    prompts = ["a the one to a toe " * 3 + ending for ending in ("so", "a set", "one")] + ["set a test"]
    requests = [GenerateRequest(prompt, True, GREEDY, 12) for prompt in prompts]
    with closing(Engine(Plan(str(model), 512, 1, 1, n_parallel=3))) as engine:
        for _ in range(2):
            for request, (text, _end) in zip(requests, answers(engine, requests), strict=True):
                assert_same_but_for_ties(model, request, text, 0.06, 512)
