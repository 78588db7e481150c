"""The engine on small models of several kinds: sliding windows, experts, byte-level BPE."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from autoglm_lite.engine.engine import Engine
from autoglm_lite.generation import Finished, GenerateRequest, Text
from autoglm_lite.planning.plan import Plan
from tests.engine.asking import GREEDY, events
from tests.gguf.tiny import MODELS


@contextmanager
def engine_of(model: Path) -> Iterator[Engine]:
    engine = Engine(Plan(str(model), 128, threads=1, threads_batch=1))
    try:
        yield engine
    finally:
        engine.close()


def answer(engine: Engine, prompt: str) -> tuple[str, Finished]:
    request = GenerateRequest(prompt, templated=True, sampling=GREEDY, max_tokens=12)
    found = list(events(engine, request))
    finished = found[-1]
    assert isinstance(finished, Finished)
    return "".join(event.text for event in found if isinstance(event, Text)), finished


@pytest.mark.parametrize("kind", MODELS)
def test_a_cached_prefix_changes_no_answer(kind: str, tmp_path: Path) -> None:
    model = MODELS[kind]().write(tmp_path / "tiny.gguf")
    # Longer than the sliding window of 32 tokens, in which alone a part can be forgotten.
    shared = "a the one to a toe " * 3
    prompts = [shared + ending for ending in ("so", "set", "the other", "")] + ["set a test", shared + "set"]
    with engine_of(model) as engine:
        warm = [answer(engine, prompt) for prompt in prompts]
    for prompt, (text, finished) in zip(prompts, warm, strict=True):
        with engine_of(model) as fresh:
            expected, cold = answer(fresh, prompt)
        assert cold.cached_tokens == 0
        assert text == expected, f"after {finished.cached_tokens} cached tokens of {finished.prompt_tokens}"
    assert any(finished.cached_tokens for _, finished in warm)
