"""Getting a model from a hub on loopback, by the keys of a person on their first day."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from autoglm_lite.chat.history import History
from autoglm_lite.store import starter_path, stored_models
from autoglm_lite.store.download import parts
from autoglm_lite.store.models import models_dir
from tests.store.hub import FakeHub, serving
from tests.tui.driving import ask, read, until, write
from tests.tui.models.driving import desk_for, drive, to_row
from tui.app import ChatApp
from tui.models.screen import ModelsScreen
from tui.words import CHINESE, ENGLISH, Words

REPO, FILE = "zai-org/glm-edge-1.5b-chat-gguf", "ggml-model-Q4_K_M.gguf"
BEST = "glm-edge-1.5b-chat-Q4_K_M.gguf"
MEMORY = ("--memory", "1.6GB")
"""For which GLM-Edge 1.5B is the best."""


@pytest.fixture
def hub(endless_gguf: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with serving(FakeHub({REPO: {FILE: starter_path().read_bytes()}})) as found:
        monkeypatch.setenv("HF_ENDPOINT", found.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield found


@pytest.mark.parametrize("words", [ENGLISH, CHINESE], ids=["english", "chinese"])
def test_the_first_start_offers_a_model_gets_it_and_uses_it(hub: FakeHub, history: History, words: Words) -> None:
    said = words.models

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await until(pilot, lambda: "GLM-Edge 1.5B Chat" in read(app))
        assert "977 MB" in read(app)
        assert said.press.format(key="F5") in read(app)
        await ask(pilot, app, "What can you do?")
        assert app.asking.answer_text
        await write(pilot, "kept")
        await pilot.press("f5")
        await until(pilot, lambda: said.got.format(name="GLM-Edge 1.5B Chat", key="F5") in read(app))
        assert [path.name for path in stored_models()] == [BEST]
        await pilot.press("f5")
        await until(pilot, lambda: app.desk.has(models_dir() / BEST) and app.desk.loaded)
        await until(pilot, lambda: app.using.path is None)
        assert app.prompt.text == "kept"
        await ask(pilot, app, "")
        assert len(app.turns) == 2
        await pilot.press("f5")
        await until(pilot, lambda: isinstance(app.screen, ModelsScreen))

    drive(desk_for(history, *MEMORY), test, words=words)
    assert hub.asked[0].path == f"/{REPO}/resolve/main/{FILE}"


def test_a_download_pauses_goes_on_behind_the_screen_and_outlives_the_app(hub: FakeHub, history: History) -> None:
    hub.pace = 0.05

    async def first(pilot: Pilot[None], app: ChatApp) -> None:
        await pilot.press("f3")
        await until(pilot, lambda: "977 MB to get, about 9 tokens/s" in read(app))
        assert "good at: Chinese and English, conversation" in read(app)
        await to_row(pilot, app, f"get:{BEST}")
        await pilot.press("g")
        await until(pilot, lambda: "% of 4 MB" in read(app))
        await pilot.press("g")
        await until(pilot, lambda: "GLM-Edge 1.5B Chat is being got: p pauses it." in read(app))
        await pilot.press("p")
        await until(pilot, lambda: "pauses; p goes on" in read(app) and not app.getting.running)
        await until(pilot, lambda: "stopped at" in read(app))
        assert stored_models() == []
        await pilot.press("p")
        await until(pilot, lambda: app.getting.running)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, ModelsScreen))
        assert app.getting.running

    drive(desk_for(history, *MEMORY), first)
    (part,) = parts(models_dir())
    assert 0 < part.done < part.total
    hub.pace = 0.0
    hub.asked.clear()

    async def second(pilot: Pilot[None], app: ChatApp) -> None:
        await until(pilot, lambda: "The download of GLM-Edge 1.5B Chat stopped at" in read(app))
        await pilot.press("f5")
        await until(pilot, lambda: "GLM-Edge 1.5B Chat is here: F5 uses it." in read(app))

    drive(desk_for(history, *MEMORY), second)
    assert hub.ranges() == [f"bytes={part.done}-"]
    assert [path.read_bytes() for path in stored_models()] == [hub.repositories[REPO][FILE]]


@pytest.mark.parametrize("words", [ENGLISH, CHINESE], ids=["english", "chinese"])
def test_what_the_hub_refuses_is_said_and_a_part_can_be_thrown_away(
    hub: FakeHub, history: History, words: Words
) -> None:
    hub.faults = ["hub 404"]
    said = words.models

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await pilot.press("f3")
        await until(pilot, lambda: "GLM-Edge 1.5B Chat" in read(app))
        await to_row(pilot, app, f"get:{BEST}")
        await pilot.press("g")
        await until(pilot, lambda: hub.asked and not app.getting.running)
        await pilot.press("escape")
        sentence = said.failed_missing.format(host="127.0.0.1", name="GLM-Edge 1.5B Chat", status=404)
        await until(pilot, lambda: sentence.replace(" ", "") in read(app).replace(" ", ""))
        hub.pace = 0.05
        await pilot.press("f5")
        await until(pilot, lambda: app.getting.download and app.getting.download.progress.done > 0)
        await pilot.press("f3")
        await until(pilot, lambda: "4 MB" in read(app))
        await pilot.press("p")
        await until(pilot, lambda: not app.getting.running and said.part.partition("{")[0] in read(app))
        await to_row(pilot, app, f"get:{BEST}")
        await pilot.press("x", "x")
        await until(pilot, lambda: not parts(models_dir()))
        await until(pilot, lambda: said.part.partition("{")[0] not in read(app))

    drive(desk_for(history, *MEMORY), test, (80, 24) if words is ENGLISH else (40, 24), words)
    assert stored_models() == []
