"""The engine on small models of several kinds: sliding windows, experts, byte-level BPE."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
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


@pytest.mark.parametrize("kind", MODELS)
def test_what_a_window_has_lost_is_read_again(kind: str, tmp_path: Path) -> None:
    """A conversation that begins as a much longer one before it, whose beginning the window has left behind."""
    model = MODELS[kind]().write(tmp_path / "tiny.gguf")
    shared = "a the one to a toe "
    long, short = shared + "so set other test the a one " * 28, shared + "test a one the set other so to"
    plan = Plan(str(model), 1024, threads=1, threads_batch=1, n_ubatch=64)
    found = []
    for prompts in ([long, short], [short]):
        with closing(Engine(plan)) as engine:
            for prompt in prompts:
                request = GenerateRequest(prompt, True, GREEDY, 8, logprobs=1)
                said = [event for event in events(engine, request) if isinstance(event, Text)]
            found.append([one.logprob for event in said for one in event.logprobs])
    assert found[0] == pytest.approx(found[1], abs=0.03)
