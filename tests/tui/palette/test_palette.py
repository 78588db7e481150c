"""The palette and slash commands, by the keys that a person presses."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from autoglm_lite.chat.history import History
from tests.tui.driving import drive, on_disk, read, setup_of, until, warned, write
from tui.actions import ACTIONS
from tui.app import ChatApp
from tui.palette.offers import beginning, fuzzy, offered
from tui.palette.screen import Palette
from tui.palette.slash import Command, Unknown, parse
from tui.presets.screen import PresetScreen
from tui.words import CHINESE, ENGLISH


def test_what_is_a_command_and_what_is_text() -> None:
    command = parse("/new", ACTIONS)
    assert isinstance(command, Command)
    assert (command.action.id, command.text) == ("new_conversation", "")
    command = parse("/FILE  ~/我的 文件.txt \n", ACTIONS)
    assert isinstance(command, Command)
    assert (command.action.id, command.text) == ("attach_file", "~/我的 文件.txt")
    assert parse("/wo", ACTIONS) == Unknown("wo")
    assert parse("/wo is it", ACTIONS) == Unknown("wo")
    for text in ("", "/", " /new", "/usr/bin is what?", "/tmp", "//", "/ new", "/a.txt", "either/or"):
        assert parse(text, ACTIONS) is None, text


def test_both_offer_the_same_in_both_languages() -> None:
    offers = offered(ACTIONS)
    for words in (ENGLISH, CHINESE):
        assert {a.id for a in fuzzy("", offers, words)} == {a.id for a in beginning("", offers, words)}
    assert beginning("ne", offers, ENGLISH)[0].id == "new_conversation"
    assert fuzzy("nwch", offers, ENGLISH)[0].id == "new_conversation"
    assert beginning("新对", offers, CHINESE)[0].id == "new_conversation"
    assert fuzzy("新对", offers, CHINESE)[0].id == "new_conversation"
    assert fuzzy("zzz", offers, ENGLISH) == []


def test_the_palette_runs_what_is_chosen(stories_gguf: Path, history: History) -> None:
    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await write(pilot, "draft")
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, Palette))
        # The frame's own keys rest meanwhile.
        await pilot.press("ctrl+n", "ctrl+p", *"zzz")
        await until(pilot, lambda: "Nothing here" in read(app))
        await pilot.press("enter", *["backspace"] * 3, *"copy")
        await until(pilot, lambda: "/copy" in read(app) and "Ctrl+Y" in read(app))
        await pilot.press("enter")
        await until(pilot, lambda: "no answer to copy" in read(app))
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, Palette))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, Palette))
        assert app.prompt.text == "draft"
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, Palette))
        await pilot.press("down", "up", *"quit", "enter")
        await until(pilot, lambda: app.return_code is not None)

    drive(setup_of(stories_gguf, history), test)


def test_slash_commands_are_listed_taken_and_run(stories_gguf: Path, history: History) -> None:
    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await pilot.press("/")
        await until(pilot, lambda: "/new" in read(app) and "新对话" in "".join(read(app).split()))
        await pilot.press(*"cop")
        await until(pilot, lambda: "/new" not in read(app))
        await pilot.press("tab")
        assert app.prompt.text == "/copy"
        await pilot.press("enter")
        await until(pilot, lambda: "还没有可复制的回答" in "".join(read(app).split()))
        assert app.prompt.text == ""
        # Faster than the list follows: what is run is what is written.
        await pilot.press(*"/preset", "enter")
        await until(pilot, lambda: isinstance(app.screen, PresetScreen))
        await pilot.press("x", "escape")
        assert app.prompt.text == ""
        await pilot.press("/", "down", "up", "escape")
        assert not app.composer.menu.is_open
        assert app.prompt.text == "/"
        await pilot.press(*"wo", "enter")
        await until(pilot, lambda: "没有 /wo 这个命令" in warned(app))
        assert app.prompt.text == "/wo"
        await pilot.press("ctrl+u", *"/new", "space", "x", "enter")
        await until(pilot, lambda: "/new 后面不能再写别的" in warned(app))
        await pilot.press("ctrl+u", *"/usr/x", "enter")
        await until(pilot, lambda: on_disk(history) and not app.asking.is_busy)

    drive(setup_of(stories_gguf, history, max_tokens=3), test, words=CHINESE)
    assert on_disk(history)[0].content == "/usr/x"


def test_keys_of_one_s_own(stories_gguf: Path, history: History, home: Path) -> None:
    (home / "config").mkdir(parents=True)
    path = home / "config" / "keys.toml"
    path.write_text('send = "ctrl+j"\nnewline = "enter"\npalette = ["f9"]\ncopy_answer = "ctrl+p"\nfly = "f7"\n')

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await until(pilot, lambda: "keys.toml names fly" in read(app))
        assert "Ctrl+J send" in read(app) or "^J send" in read(app)
        await pilot.press("a", "enter", "b")
        assert app.prompt.text == "a\nb"
        await pilot.press("ctrl+j")
        await until(pilot, lambda: on_disk(history) and not app.asking.is_busy)
        await pilot.press("ctrl+p")
        await until(pilot, lambda: "Answer copied" in read(app))
        await pilot.press("f9")
        await until(pilot, lambda: isinstance(app.screen, Palette) and "Ctrl+P" in read(app))
        await pilot.press("escape")

    drive(setup_of(stories_gguf, history, max_tokens=3), test, size=(100, 30))
    assert on_disk(history)[0].content == "a\nb"


@pytest.mark.parametrize("size", [(40, 12), (20, 8)])
def test_small_terminals_show_them_too(stories_gguf: Path, history: History, size: tuple[int, int]) -> None:
    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await pilot.press("/", *"new")
        await until(pilot, lambda: "/new" in read(app) and app.composer.menu.is_open)
        assert app.prompt.region.height == 3
        assert app.prompt.region.bottom <= size[1]
        await pilot.press("escape", "ctrl+p", *"new")
        await until(pilot, lambda: isinstance(app.screen, Palette) and "/new" in read(app))
        await pilot.press("escape")

    drive(setup_of(stories_gguf, history), test, size)
