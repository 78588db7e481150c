"""A conversation to a file, through the keys that a person presses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from autoglm_lite.chat.history import History
from tests.tui.driving import drive, read, setup_of, until
from tests.tui.history.talks import held
from tui.app import ChatApp
from tui.history.export import ExportScreen
from tui.words import CHINESE


def test_the_open_one_and_another(
    stories_gguf: Path, history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    held(history, ("Planting/tomatoes?", "In the **sun**."))
    opened = held(history, ("番茄怎么种", "番茄要种在有阳光的地方。"))

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        def box() -> Input:
            return app.screen.query_one("#path", Input)

        async def closed() -> None:
            await until(pilot, lambda: not isinstance(app.screen, ExportScreen))

        await pilot.press("ctrl+e")
        await until(pilot, lambda: isinstance(app.screen, ExportScreen))
        assert "导出“番茄怎么种”" in read(app)
        assert box().value == "番茄怎么种.md"
        await pilot.press("enter")
        await closed()
        await until(pilot, lambda: f"已导出到{folder}/番茄怎么种.md" in read(app).replace(" ", ""))
        assert "番茄要种在有阳光的地方。" in (folder / "番茄怎么种.md").read_text()

        # A file that is there is replaced only by a second Enter.
        (folder / "番茄怎么种.md").write_text("mine")
        await pilot.press("ctrl+e")
        await until(pilot, lambda: isinstance(app.screen, ExportScreen))
        assert box().value == "番茄怎么种 (2).md"
        box().value = "番茄怎么种.md"
        await pilot.press("enter")
        await until(pilot, lambda: "已存在" in read(app))
        assert (folder / "番茄怎么种.md").read_text() == "mine"
        await pilot.press("enter")
        await closed()
        assert "番茄要种在有阳光的地方。" in (folder / "番茄怎么种.md").read_text()

        # From the list, as JSON.
        await pilot.press("ctrl+o")
        await until(pilot, lambda: app.screen.is_modal)
        await pilot.press("tab", "j", "e")
        await until(pilot, lambda: isinstance(app.screen, ExportScreen))
        assert box().value == "Planting tomatoes.md"
        await pilot.press("tab")
        assert box().value == "Planting tomatoes.json"
        box().value = "missing/" + box().value
        await pilot.press("enter")
        await until(pilot, lambda: "不存在" in read(app))
        box().value = "Planting tomatoes.json"
        await pilot.press("enter")
        await closed()
        await until(pilot, lambda: "已导出到" in read(app))
        await pilot.press("escape")

    drive(setup_of(stories_gguf, history, conversation=opened), test, words=CHINESE)
    exported = json.loads((folder / "Planting tomatoes.json").read_text())
    assert "In the **sun**." in json.dumps(exported)
    assert sorted(path.name for path in folder.iterdir()) == ["Planting tomatoes.json", "番茄怎么种.md"]
