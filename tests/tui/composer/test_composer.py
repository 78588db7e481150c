"""What goes with a question, by the keys that a person presses."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.events import Paste
from textual.pilot import Pilot

from autoglm_lite.chat.attachments import Attachment
from autoglm_lite.chat.history import History
from tests.tui.driving import drive, on_disk, read, setup_of, until, warned, write
from tui.app import ChatApp
from tui.composer import prompt
from tui.words import CHINESE


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one that the app is started in."""
    made = tmp_path / "work"
    (made / "我的 文件").mkdir(parents=True)
    (made / "我的 文件" / "计划 书.md").write_text("上山\n")
    (made / "notes.txt").write_text("Lily has a red ball.\n")
    (made / "photo.png").write_bytes(b"\x89PNG")
    (made / "long.txt").write_text("word " * 9000)
    monkeypatch.chdir(made)
    return made


def names(app: ChatApp) -> list[str]:
    return [one.attachment.name for one in app.composer.attached]


def test_files_are_attached_by_at_and_sent(stories_gguf: Path, history: History, folder: Path) -> None:
    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await until(pilot, lambda: app.desk.loaded)
        # No space before it: Chinese has none.
        await pilot.press(*"请看@计")
        await until(pilot, lambda: app.composer.menu.is_open)
        await pilot.press("tab")
        await until(pilot, lambda: names(app) == ["计划 书.md"])
        assert app.prompt.text == "请看计划 书.md "
        await pilot.press("@")
        await until(pilot, lambda: app.composer.menu.chosen == "long.txt")
        await pilot.press("down", "up", "up", *"no")
        await until(pilot, lambda: app.composer.menu.chosen == "notes.txt")
        await pilot.press("enter")
        await until(pilot, lambda: names(app) == ["计划 书.md", "notes.txt"])
        # An address is none, and Esc closes the list for good.
        await write(pilot, "me@no")
        assert not app.composer.menu.is_open
        await pilot.press("space", "@")
        await until(pilot, lambda: app.composer.menu.is_open)
        await pilot.press("escape", "n")
        await pilot.pause(0.1)
        assert not app.composer.menu.is_open
        await pilot.press("space", "@")
        await until(pilot, lambda: app.composer.menu.is_open)
        # A folder opens, also one with a space in its name.
        await pilot.press("ctrl+u", "@", ".", "/")
        await until(pilot, lambda: app.composer.menu.chosen == "./我的 文件/")
        await pilot.press("tab")
        await until(pilot, lambda: app.composer.menu.chosen == "./我的 文件/计划 书.md")
        assert app.prompt.text == '@"./我的 文件/'
        await pilot.press("enter")
        await until(pilot, lambda: app.prompt.text == "计划 书.md ")
        assert names(app) == ["计划 书.md", "notes.txt"]
        await until(pilot, lambda: "notes.txt" in read(app) and " tok ×" in read(app))
        await pilot.press("home", "backspace")
        assert names(app) == ["计划 书.md"]
        await pilot.press("end", "enter")
        await until(pilot, lambda: on_disk(history) and not app.asking.is_busy)
        assert names(app) == []
        assert app.composer.chips.display is False

    drive(setup_of(stories_gguf, history, max_tokens=3), test)
    question = on_disk(history)[0]
    assert question.content == "计划 书.md "
    assert question.attachments == (Attachment("计划 书.md", "上山\n"),)


def test_files_are_attached_by_a_drop_a_paste_or_a_command(
    stories_gguf: Path, history: History, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flood = "line of a long text\r\n" * 50_000

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await until(pilot, lambda: app.desk.loaded)
        app.post_message(Paste(f"'{folder}/我的 文件/计划 书.md' {folder}/notes.txt"))
        await until(pilot, lambda: names(app) == ["计划 书.md", "notes.txt"])
        app.post_message(Paste("从前\r\n有座山"))
        await until(pilot, lambda: app.prompt.text == "从前\n有座山")
        app.prompt.clear()
        for number, path in enumerate(("photo.png", "long.txt", "gone.txt")):
            await pilot.press(*"/file", "space", *path, "enter")
            await until(pilot, lambda number=number: len(app._notifications) > number)  # type: ignore[misc]
        assert "photo.png 是图片" in warned(app)
        assert "long.txt 约有" in warned(app)
        assert "只能容纳 2,048 个" in warned(app)
        assert "无法读取 gone.txt" in warned(app)
        await pilot.press(*"/detach", "enter")
        await until(pilot, lambda: names(app) == ["计划 书.md"])
        await pilot.click(app.composer.chips, offset=(3, 0))
        await until(pilot, lambda: names(app) == [])
        # A megabyte does not go into the box; here it is also more than the context holds.
        app.post_message(Paste(flood))
        await until(pilot, lambda: "粘贴的文字 约有" in warned(app))
        assert app.prompt.text == ""
        monkeypatch.setattr(prompt, "LONG_PASTE", 100)
        for n, text in enumerate(("one " * 30, "two " * 30)):
            app.post_message(Paste(text))
            await until(pilot, lambda n=n: len(names(app)) == n + 1)  # type: ignore[misc]
        assert names(app) == ["粘贴的文字", "粘贴的文字 2"]

    drive(setup_of(stories_gguf, history, max_tokens=3), test, words=CHINESE, size=(100, 40))


def test_nothing_typed_or_attached_is_lost(stories_gguf: Path, history: History, folder: Path) -> None:
    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await pilot.press(*"/file", "space", *"notes.txt", "enter")
        await until(pilot, lambda: names(app) == ["notes.txt"])
        app.prompt.insert("word " * 200)
        await pilot.press("enter")
        # It has more than the context holds: text and file are back.
        await until(pilot, lambda: "the context holds 128" in read(app))
        await until(pilot, lambda: names(app) == ["notes.txt"])
        assert app.prompt.text == "word " * 200
        await pilot.press("home", "backspace")
        app.prompt.clear()
        await pilot.press(*"One", "enter")
        await until(pilot, lambda: app.asking.answer_text)
        await pilot.press(*"draft")
        await pilot.press("escape")
        await pilot.resize_terminal(60, 20)
        await until(pilot, lambda: not app.asking.is_busy)
        await app.opening.use(None)
        assert app.prompt.text == "draft"
        # What was asked before comes back, and then the draft.
        await pilot.press("up")
        assert app.prompt.text == "One"
        await pilot.press("down")
        assert app.prompt.text == "draft"

    drive(setup_of(stories_gguf, history, n_ctx=128, max_tokens=None), test)


def test_questions_of_other_conversations_are_taken_up_again(stories_gguf: Path, history: History) -> None:
    first = history.create("m", None, "long ago")
    history.create("m", None, "gone")
    gone = history.latest()
    assert gone is not None
    history.delete(gone.id)
    history.add_question(first, "x" * 20_000)
    with History(history.path) as other:
        # Of another app that is open at the same time.
        other.create("m", None, "beside")
    assert history.questions(10) == ["long ago", "beside"]
    assert history.questions(1) == ["beside"]

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await pilot.press(*"mine")
        await until(pilot, lambda: app.prompt._recall._sent)
        await pilot.press("up", "up", "up", "up")
        assert app.prompt.text == "long ago"
        await pilot.press("down", "down")
        assert app.prompt.text == "mine"

    drive(setup_of(stories_gguf, history), test)


def test_the_box_grows_to_nine_lines(stories_gguf: Path, history: History) -> None:
    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        for n in range(9):
            await pilot.press("ctrl+j", *f"é👩‍🚀字{n}"[:4])
            assert app.prompt.region.height <= 9
        await until(pilot, lambda: app.prompt.region.height == 9)
        app.prompt.clear()
        await until(pilot, lambda: app.prompt.region.height == 3)

    drive(setup_of(stories_gguf, history), test)


def test_where_there_is_no_file_that_is_said(
    stories_gguf: Path, history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await pilot.press("@")
        await until(pilot, lambda: "There is no file in this folder." in read(app))
        await pilot.press("escape")
        await until(pilot, lambda: "no file" not in read(app))
        # It takes no keys from the box: a name after an @ may be a person's.
        await pilot.press("space", *"@bob")
        await until(pilot, lambda: "No file here has these letters" in read(app))
        await pilot.press("enter")
        await until(pilot, lambda: on_disk(history) and not app.asking.is_busy)

    drive(setup_of(stories_gguf, history, max_tokens=3), test)
    assert on_disk(history)[0].content == "@ @bob"
