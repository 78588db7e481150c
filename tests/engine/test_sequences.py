"""What the KV cache holds when turns are left out of a conversation."""

from __future__ import annotations

from array import array
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.engine import sequences
from autoglm_lite.engine.engine import Engine
from autoglm_lite.engine.scheduler import Scheduler
from autoglm_lite.engine.sequences import _find
from autoglm_lite.generation import GenerateRequest
from autoglm_lite.planning.plan import Plan
from tests.engine.asking import GREEDY, answers

SYSTEM = "Lily was a kind girl who had a dog. "
OLD = "They went to the park and played with a red ball all day. " * 3
RECENT = "Then it was dark. Mom said that it was time to go home and sleep. The dog was sad, but Lily had a plan. " * 2


def test_turns_that_are_left_out_cost_no_second_reading(stories_gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequences, "GAP_SECONDS", 0.0)
    with closing(Engine(Plan(str(stories_gguf), 1024, 1, 1))) as engine:
        whole = SYSTEM + OLD + RECENT
        n_whole = len(engine.tokenize(whole, templated=False))
        n_old = n_whole - len(engine.tokenize(SYSTEM + RECENT, templated=False))
        answers(engine, [GenerateRequest(whole, False, GREEDY, 20)])
        ((text, end),) = answers(engine, [GenerateRequest(SYSTEM + RECENT, False, GREEDY, 20)])
        assert end.cached_tokens == end.prompt_tokens - 1 == n_whole - n_old - 1
        # It goes on to be used like any other.
        longer = SYSTEM + RECENT + text + " The end came soon, and"
        ((after, end),) = answers(engine, [GenerateRequest(longer, False, GREEDY, 20)])
        assert end.cached_tokens >= n_whole - n_old
    # A story still, and not what a cache that points to the wrong places would give.
    assert text.strip()
    assert len(set((text + after).split())) > 8


def test_a_move_that_was_not_carried_out_is_forgotten(stories_gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancel between the taking out of turns and the first step, which moves what stood behind them."""
    monkeypatch.setattr(sequences, "GAP_SECONDS", 0.0)
    with closing(Engine(Plan(str(stories_gguf), 1024, 1, 1))) as engine:
        answers(engine, [GenerateRequest(SYSTEM + OLD + RECENT, False, GREEDY, 20)])
        request = GenerateRequest(SYSTEM + RECENT, False, GREEDY, 20)
        compute = Scheduler._compute
        monkeypatch.setattr(Scheduler, "_compute", lambda *_: False)
        engine.submit(7, request)
        list(engine.step())
        assert engine._cache is not None
        before = engine._cache.moving
        monkeypatch.setattr(Scheduler, "_compute", compute)
        engine.cancel(7)
        list(engine.step())
        assert before is not None
        assert engine._cache.moving is None
        ((text, end),) = answers(engine, [request])
    with closing(Engine(Plan(str(stories_gguf), 1024, 1, 1))) as fresh:
        assert answers(fresh, [request])[0][0] == text
    assert end.cached_tokens < end.prompt_tokens // 2


def test_a_quick_machine_reads_again(stories_gguf: Path) -> None:
    with closing(Engine(Plan(str(stories_gguf), 1024, 1, 1))) as engine:
        n_system = len(engine.tokenize(SYSTEM, templated=False))
        answers(engine, [GenerateRequest(SYSTEM + OLD + RECENT, False, GREEDY, 5)])
        ((text, end),) = answers(engine, [GenerateRequest(SYSTEM + RECENT, False, GREEDY, 20)])
        assert end.cached_tokens <= n_system + 1
    with closing(Engine(Plan(str(stories_gguf), 1024, 1, 1))) as fresh:
        assert answers(fresh, [GenerateRequest(SYSTEM + RECENT, False, GREEDY, 20)])[0][0] == text


@given(st.lists(st.integers(0, 3), max_size=40), st.lists(st.integers(0, 3), min_size=2, max_size=4))
def test_find_finds_the_first(tokens: list[int], key: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sequences, "SAME", 2)
        places = [i for i in range(len(tokens)) if tokens[i : i + len(key)] == key]
        assert _find(array("i", tokens), 0, array("i", key)) == (places[0] if places else None)
