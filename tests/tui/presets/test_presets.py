"""Presets by the keys that a person presses."""

from __future__ import annotations

from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import OptionList, TextArea

from autoglm_lite.chat.history import History
from tests.tui.driving import ask, drive, read, setup_of, until, warned
from tui.app import ChatApp
from tui.presets.screen import PresetScreen
from tui.words import CHINESE


def test_a_preset_is_made_edited_used_and_deleted(stories_gguf: Path, history: History, home: Path) -> None:
    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, PresetScreen) and "none" in read(app))
        await pilot.press("n", *"a/b", "enter")
        await until(pilot, lambda: "no slash" in read(app))
        await pilot.press(*["backspace"] * 3, *"short", "enter")
        area = app.screen.query_one(TextArea)
        await until(pilot, lambda: area.display and "temperature = 0" in area.text)
        area.text = 'system = "be short"\ntemperature = -3\n'
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "temperature must be" in read(app))
        area.text = 'system = "be short"\ntemperature = 0.5\n'
        await pilot.press("ctrl+s")
        await until(pilot, lambda: not area.display and "be short" in read(app))
        await pilot.press("enter")
        await until(pilot, lambda: "next question on: short" in read(app))
        opened = app.desk.opened
        assert opened is not None
        assert (opened.setup.system, opened.setup.sampling.temperature) == ("be short", 0.5)
        await until(pilot, lambda: "short ─╯" in read(app))
        await ask(pilot, app, "One")
        conversation = history.latest()
        assert conversation is not None
        assert conversation.system == "be short"
        # Also in a conversation begun afterwards.
        await pilot.press("ctrl+n")
        await ask(pilot, app, "Two")
        conversation = history.latest()
        assert conversation is not None
        assert conversation.system == "be short"

    drive(setup_of(stories_gguf, history, max_tokens=3), test)
    assert (home / "config" / "presets" / "short.toml").read_text() == 'system = "be short"\ntemperature = 0.5\n'

    async def again(pilot: Pilot[None], app: ChatApp) -> None:
        opened = app.desk.opened
        assert opened is not None
        # What the command line says wins at the start: here a temperature of 0.
        assert (opened.setup.system, opened.setup.sampling.temperature) == ("be short", 0)
        await pilot.press(*"/preset", "space", *"gone", "enter")
        await until(pilot, lambda: "无法读取预设 gone" in warned(app))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, PresetScreen) and "●" in read(app))
        await pilot.press("e", "escape", "d", "k", "j", "d")
        await until(pilot, lambda: "再按一次 d 删除 short" in read(app))
        await pilot.press("d")
        await until(pilot, lambda: "be short" not in read(app))
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(app.screen, PresetScreen))
        opened = app.desk.opened
        assert opened is not None
        # Empty, not none: the conversation is to lose what the preset said.
        assert opened.setup.system == ""
        await pilot.press("ctrl+s", "escape")

    drive(setup_of(stories_gguf, history, max_tokens=3), again, words=CHINESE)
    assert not (home / "config" / "presets" / "short.toml").exists()


def test_each_preset_has_one_line_on_a_narrow_terminal(stories_gguf: Path, history: History, home: Path) -> None:
    folder = home / "config" / "presets"
    folder.mkdir(parents=True)
    for name in ("翻译助手", "写作"):
        (folder / f"{name}.toml").write_text(f'system = "{"把下面的文字翻译成英文，不要解释。" * 4}"\n')

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, PresetScreen) and "翻译助手" in read(app))
        options = app.screen.query_one(OptionList)
        await until(pilot, lambda: options.virtual_size.height == options.option_count == 3)
        await pilot.press("escape")

    drive(setup_of(stories_gguf, history), test, size=(50, 20), words=CHINESE)
