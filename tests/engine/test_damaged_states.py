"""Two thousand damaged, cut and foreign states under the name of a good one, through the real folder and the real
llama.cpp: none is believed, every answer is right."""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from autoglm_lite.engine import prefixes
from autoglm_lite.engine.engine import Engine
from autoglm_lite.generation import Finished, GenerateRequest, Text
from autoglm_lite.planning.plan import Plan
from autoglm_lite.states.folder import kept_states
from tests.engine.asking import GREEDY, events
from tests.engine.damage import damages

QUESTION = "Once upon a time there was a girl called Lily, who had a red ball"
LONGER = QUESTION + " and a big brown dog. She went to the park with her mom"
N = 2000
STEP = 10
"""Of every so many one is tried by default: 2,000 take a minute here."""


def answer(engine: Engine, prompt: str = QUESTION) -> tuple[str, int]:
    """The text, and how many tokens of the prompt needed no work."""
    text, cached = "", -1
    for event in events(engine, GenerateRequest(prompt, False, GREEDY, 4)):
        if isinstance(event, Text):
            text += event.text
        elif isinstance(event, Finished):
            cached = event.cached_tokens
    return text, cached


def kept_by(plan: Plan, folder: Path, prompt: str = QUESTION) -> tuple[str, bytes, str]:
    """Name and content of the state that an engine keeps, and its answer."""
    with closing(Engine(plan, states=folder)) as engine:
        text, cached = answer(engine, prompt)
        assert cached == 0
        assert engine.keep_prefixes()
    ((path, _),) = kept_states(folder)
    return path.name, path.read_bytes(), text


@pytest.fixture
def keen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps all that was read, as a slow machine does."""
    monkeypatch.setattr(prefixes, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(prefixes, "DISK_BYTES", 1e15)
    monkeypatch.setattr(prefixes, "PAYS", 0)


@pytest.mark.usefixtures("keen")
@pytest.mark.parametrize(
    "numbers", [range(0, N, STEP), pytest.param(range(N), marks=pytest.mark.slow)], ids=["some", "all"]
)
def test_no_damaged_or_foreign_state_is_believed(
    stories_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, numbers: range
) -> None:
    plan = Plan(str(stories_gguf), 256, 1, 1)
    name, whole, expected = kept_by(plan, tmp_path / "good")
    _, other, _ = kept_by(plan, tmp_path / "other", LONGER)
    changed = bytearray(stories_gguf.read_bytes())
    changed[-1000] ^= 1
    (tmp_path / "changed.gguf").write_bytes(changed)
    with monkeypatch.context() as patch:
        patch.setattr(prefixes, "version", lambda: "0.3.35")
        older = kept_by(plan, tmp_path / "older")[1]
    foreign = [
        older,
        kept_by(Plan(str(tmp_path / "changed.gguf"), 256, 1, 1), tmp_path / "model")[1],
        kept_by(replace(plan, kv_type="f32"), tmp_path / "f32")[1],
        kept_by(replace(plan, flash_attention=False), tmp_path / "no-fa")[1],
    ]
    assert len({whole, other, *foreign}) == 6
    folder = tmp_path / "states"
    folder.mkdir()
    with closing(Engine(plan, states=folder)) as engine:
        for i, (what, make) in enumerate(damages(whole, other, foreign, N, seed=5)):
            if i not in numbers:
                continue
            engine.shed_context()
            empty(folder)
            make(folder / name)
            assert answer(engine) == (expected, 0), what
        # A good one among them is still found, and takes the damaged one's place.
        engine.shed_context()
        empty(folder)
        (folder / name).write_bytes(whole)
        text, cached = answer(engine)
        assert text == expected
        assert cached > 10


@pytest.mark.usefixtures("keen")
def test_what_stands_in_the_way_of_a_state_is_no_harm(stories_gguf: Path, tmp_path: Path) -> None:
    plan = Plan(str(stories_gguf), 256, 1, 1)
    name, _, expected = kept_by(plan, tmp_path / "good")
    folder = tmp_path / "states"
    (folder / name / "in the way").mkdir(parents=True)
    (folder / f"gone{name}").symlink_to("nowhere")
    with closing(Engine(plan, states=folder)) as engine:
        assert answer(engine) == (expected, 0)
        assert not engine.keep_prefixes()
        assert answer(engine, LONGER)[0]
        assert engine.keep_prefixes()
    with closing(Engine(plan, states=folder)) as engine:
        assert answer(engine, LONGER)[1] > 10


def empty(folder: Path) -> None:
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)
