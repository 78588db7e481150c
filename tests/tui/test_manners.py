"""Help, settings and notices, through the keys that a person presses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.pilot import Pilot

from autoglm_lite.chat.history import History
from autoglm_lite.errors import AutoglmError
from autoglm_lite.paths import state_dir
from tests.tui.driving import drive, read, seen, setup_of, until
from tui.actions import ACTIONS
from tui.actions.action import key_name
from tui.app import ChatApp
from tui.help.keys import groups_of, text_of
from tui.words import CHINESE, ENGLISH, Words


@pytest.mark.parametrize("words", [ENGLISH, CHINESE], ids=["en", "zh"])
def test_help_names_every_action_and_its_keys(stories_gguf: Path, history: History, words: Words) -> None:
    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await pilot.press("f1")
        await until(pilot, lambda: words.manners.help_hint in read(app))
        await until(pilot, lambda: words.manners.group_writing in read(app))
        await pilot.pause(0.1)
        shown = read(app)
        await pilot.press("end")
        await until(pilot, lambda: "F4" in read(app))
        shown += read(app)
        for _ in range(6):
            await pilot.press("pageup")
            await pilot.pause(0.05)
            shown += read(app)
        for action in ACTIONS:
            if action.keys:
                assert f"{key_name(action.keys[0])}" in shown
                assert action.title(words) in shown
        await pilot.press("x")
        await pilot.press("f1")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        assert app.prompt.text == ""

    drive(setup_of(stories_gguf, history), test, words=words)


def test_help_shows_the_keys_that_a_user_has_chosen() -> None:
    group, *_ = groups_of({"general": [a for a in ACTIONS if a.id == "quit"]}, {"quit": ["f10"]}, ENGLISH)
    assert (group.title, group.rows) == ("Everything else", (("F10, /quit", "quit"),))


@pytest.mark.parametrize("width", [20, 30, 50, 100])
def test_help_fits_narrow_screens(width: int) -> None:
    from tui.actions import MODULES

    text = text_of(groups_of(MODULES, {}, CHINESE), width)
    assert all(action.title(CHINESE) in text for action in ACTIONS if action.keys)


def test_a_setting_takes_effect_and_is_kept(stories_gguf: Path, history: History, tmp_path: Path) -> None:
    path = tmp_path / "app.toml"

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        from dataclasses import replace

        app.beginning = replace(app.beginning, path=path)
        await pilot.press("f4")
        await until(pilot, lambda: "automatic (dark)" in read(app))
        await pilot.press("down", "right", "right")
        await until(pilot, lambda: "‹ light ›" in read(app))
        assert app.theme == "light"
        assert path.read_text() == 'theme = "light"\n'
        await pilot.press("right")
        await until(pilot, lambda: "< the terminal's own >" in read(app))
        await pilot.press("escape")
        await until(pilot, lambda: "+---" in seen(app))
        await pilot.press("f4")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press("down", "left", "left", "down", "right")
        await until(pilot, lambda: "‹ on ›" in read(app))
        assert [app.manners.low_power] == [True]
        path.unlink()
        path.mkdir()
        await pilot.press("right")
        await until(pilot, lambda: "For this time only" in read(app))
        assert [app.manners.low_power] == [False]
        await pilot.press("escape")
        await until(pilot, lambda: "╭──" in seen(app))

    drive(setup_of(stories_gguf, history), test)


def test_a_failure_is_a_notice_with_details_a_key_away(
    stories_gguf: Path, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        async def refuse(_name: object) -> None:
            raise AutoglmError("The disk is full: free some of it.")

        worker = state_dir() / "logs" / "worker-zzz.log"
        worker.parent.mkdir(parents=True, exist_ok=True)
        worker.write_text("llama_model_loader: loaded meta data")
        await pilot.press("f8")
        await until(pilot, lambda: "Nothing has gone wrong yet" in read(app))
        assert "llama_model_loader" not in read(app)
        await pilot.press("escape")
        monkeypatch.setattr(app, "show", refuse)
        await pilot.press("ctrl+n")
        await until(pilot, lambda: "free some of it" in read(app))
        app.tell("Something else.", "line 1\nline 2")
        await pilot.press("f8")
        await until(pilot, lambda: "line 2" in read(app))
        await pilot.press("end")
        await until(pilot, lambda: "llama_model_loader" in read(app))
        await pilot.press("home")
        assert re.search(r"\d\d:\d\d:\d\d +The disk is full", seen(app))

    drive(setup_of(stories_gguf, history), test)


@pytest.mark.parametrize("size", [(30, 10), (50, 20), (1, 1)])
def test_small_terminals(stories_gguf: Path, history: History, size: tuple[int, int]) -> None:
    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        for key in ("f1", "f4", "f8"):
            await pilot.press(key)
            await pilot.pause()
            await pilot.press("escape")
        await pilot.press("a")
        assert app.prompt.text == "a"

    drive(setup_of(stories_gguf, history), test, size=size)
