"""What was read is kept on disk and restored: the same answers, less reading, and damage is never believed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from autoglm_lite.engine import prefixes
from autoglm_lite.engine.engine import Engine
from autoglm_lite.engine.prefixes import model_key
from autoglm_lite.generation import Finished, GenerateRequest, Text
from autoglm_lite.planning.plan import Plan
from autoglm_lite.states.folder import kept_states
from tests.engine.asking import GREEDY, events

STORY = "Once upon a time there was a girl called Lily, who had a red ball and a dog. She went to the park. " * 4
Open = Callable[..., Engine]


@pytest.fixture
def states(tmp_path: Path) -> Path:
    return tmp_path / "states"


@pytest.fixture
def engine(stories_gguf: Path, states: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens engines that keep all they read, as a slow machine does."""
    monkeypatch.setattr(prefixes, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(prefixes, "DISK_BYTES", 1e15)
    monkeypatch.setattr(prefixes, "PAYS", 0)

    def start(n_ctx: int = 512, states: Path | None = states) -> Engine:
        return Engine(Plan(str(stories_gguf), n_ctx, 1, 1), states=states)

    return start


def answer(engine: Engine, prompt: str, max_tokens: int = 12) -> tuple[str, int]:
    """The text, and how many tokens of the prompt needed no work."""
    text, cached = "", 0
    for event in events(engine, GenerateRequest(prompt, False, GREEDY, max_tokens)):
        if isinstance(event, Text):
            text += event.text
        elif isinstance(event, Finished):
            cached = event.cached_tokens
    return text, cached


def test_a_restart_goes_on_where_the_last_process_ended(engine: Open, states: Path) -> None:
    with closing(engine()) as first:
        text, cached = answer(first, STORY)
        n_prompt = len(first.tokenize(STORY, templated=False))
        assert cached == 0
        assert first.keep_prefixes()
        assert not first.keep_prefixes()
    with closing(engine()) as second:
        assert answer(second, STORY) == (text, n_prompt - 1)
        longer = STORY + "Then a cat came"
        restored = answer(second, longer)
        assert restored[1] >= n_prompt - 2
    with closing(engine(states=None)) as plain:
        assert answer(plain, longer)[0] == restored[0]
    assert len(kept_states(states)) == 1


def test_two_conversations_take_turns(engine: Open) -> None:
    other = "Tom had a big box. " * 12
    with closing(engine()) as one:
        first, second = answer(one, STORY), answer(one, other)
        for prompt, (text, _) in ((STORY, first), (other, second), (STORY, first)):
            again, cached = answer(one, prompt)
            assert again == text
            assert cached == len(one.tokenize(prompt, templated=False)) - 1


def test_a_changed_end_is_all_that_is_read(engine: Open) -> None:
    with closing(engine()) as first:
        answer(first, STORY + "Then a cat came")
        first.keep_prefixes()
        common = len(first.tokenize(STORY, templated=False))
    with closing(engine()) as second:
        text, cached = answer(second, STORY + "But the ball was gone")
        assert common - 3 <= cached <= common + 1
    with closing(engine(states=None)) as plain:
        assert answer(plain, STORY + "But the ball was gone")[0] == text


def test_a_context_that_was_given_back_is_restored(engine: Open) -> None:
    with closing(engine()) as one:
        text, _ = answer(one, STORY)
        one.shed_context()
        again, cached = answer(one, STORY)
        assert again == text
        assert cached > 0


def test_what_does_not_fit_the_context_is_left_alone(engine: Open) -> None:
    with closing(engine()) as long:
        answer(long, STORY * 2)
        assert long.keep_prefixes()
    with closing(engine(n_ctx=128)) as short:
        assert answer(short, "Once upon a time")[1] == 0


def test_other_layouts_have_other_keys(stories_gguf: Path, tmp_path: Path) -> None:
    plan = Plan(str(stories_gguf), 512, 1, 1)
    copy = tmp_path / "copy.gguf"
    copy.write_bytes(stories_gguf.read_bytes())
    assert model_key(plan) == model_key(Plan(str(copy), 64, 2, 2))
    assert model_key(plan) != model_key(Plan(str(stories_gguf), 512, 1, 1, kv_type="q8_0"))
    changed = bytearray(stories_gguf.read_bytes())
    changed[len(changed) // 2] ^= 1
    copy.write_bytes(changed)
    assert model_key(plan) != model_key(Plan(str(copy), 512, 1, 1))


@pytest.mark.parametrize("where", ["file", "missing/deep"])
def test_a_folder_that_cannot_be_used_is_done_without(engine: Open, tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("")
    with closing(engine(states=tmp_path / where / "states")) as one:
        text, _ = answer(one, STORY)
        one.keep_prefixes()
        assert answer(one, STORY)[0] == text
