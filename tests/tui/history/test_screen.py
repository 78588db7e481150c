"""All conversations, through the keys that a person presses."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from autoglm_lite.chat.history import History
from tests.tui.driving import ask, drive, read, seen, send, setup_of, until, write
from tests.tui.history.talks import held, titles
from tui.app import ChatApp
from tui.history.listing import Listing
from tui.history.screen import HistoryScreen
from tui.words import CHINESE


def listed(app: ChatApp) -> list[str]:
    return [row.conversation.title for row in app.screen.query_one(Listing).rows]


def marked(app: ChatApp) -> list[str]:
    """What the conversation shows reversed."""
    strips = app.screen._compositor.render_strips()
    return [part.text for strip in strips for part in strip if part.style and part.style.reverse and part.text.strip()]


async def open_list(pilot: Pilot[None], app: ChatApp) -> None:
    await pilot.press("ctrl+o")
    await until(pilot, lambda: isinstance(app.screen, HistoryScreen))


def press_at_once(app: ChatApp, *keys: str) -> None:
    """Without any wait between them, as a quick hand or a slow machine has it."""
    for key in keys:
        app.post_message(events.Key(key, key if len(key) == 1 else None))


async def leave(pilot: Pilot[None], app: ChatApp, key: str = "escape") -> None:
    await pilot.press(key)
    await until(pilot, lambda: not app.screen.is_modal)


def test_look_through_find_and_open(stories_gguf: Path, history: History) -> None:
    held(
        history, ("A cake", "Take flour and eggs."), ("How long in the oven?", "Bake it for forty minutes."), days_ago=9
    )
    held(history, ("番茄怎么种", "番茄要种在有阳光的地方。"), days_ago=1)
    held(history, *((f"Question {i}", f"Answer {i}") for i in range(30)), ("Where is the treasure?", "Under the oak."))
    long = "\n\n".join(f"Paragraph {i}." for i in range(60)) + "\n\nAt last a **narwhal** swims by."
    held(history, ("A boat", f"Wood floats.\n\n{long}"))

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await open_list(pilot, app)
        assert listed(app) == ["A boat", "Question 0", "番茄怎么种", "A cake"]
        assert "yesterday" in seen(app)
        assert "little" in seen(app)
        await write(pilot, "a ")
        assert listed(app)[:2] == ["A boat", "A cake"]
        await pilot.press("backspace", "backspace")
        await write(pilot, "oven")
        await until(pilot, lambda: listed(app) == ["A cake"])
        assert "you How long in the oven?" in read(app)
        for _ in "oven":
            await pilot.press("backspace")
        await write(pilot, "阳光")
        await until(pilot, lambda: listed(app) == ["番茄怎么种"])
        assert "番茄要种在有阳光的地方" in read(app)
        await leave(pilot, app)
        # Letters go to the box again, and none went there before.
        assert app.prompt.text == ""
        await open_list(pilot, app)
        await write(pilot, "nothing like that")
        await until(pilot, lambda: "Nothing found." in read(app))
        await leave(pilot, app)

        # The message that was found is in view and marked, though it is neither at the end nor mounted at first.
        await open_list(pilot, app)
        await write(pilot, "answer 3")
        await until(pilot, lambda: len(listed(app)) == 1)
        await leave(pilot, app, "enter")
        await until(pilot, lambda: app.conversation.picked is not None)
        assert app.conversation.picked is not None
        assert app.conversation.picked.source == "Answer 3"
        await until(pilot, lambda: "Answer 3" in read(app))
        assert app.prompt.text == ""

        # So it is deep in a long one, where the word itself is marked until one writes on.
        await open_list(pilot, app)
        await write(pilot, "narwh")
        await until(pilot, lambda: listed(app) == ["A boat"])
        await leave(pilot, app, "enter")
        await until(pilot, lambda: "At last a narwhal swims by." in read(app))
        await until(pilot, lambda: marked(app) == ["narwh"])
        await write(pilot, "?")
        await until(pilot, lambda: not marked(app))
        await pilot.press("backspace")

        # Keys that come before anything is found are meant for what will be, in their order.
        press_at_once(app, "ctrl+o", *"answer 7", "tab", "enter")
        await until(pilot, lambda: app.conversation.picked is not None and app.conversation.picked.source == "Answer 7")
        for move in ((), ("down", "up")):
            await pilot.press("ctrl+n", "ctrl+o")
            await until(pilot, lambda: isinstance(app.screen, HistoryScreen))
            press_at_once(app, *"narwh", *move, "enter")
            await until(pilot, lambda: "At last a narwhal swims by." in read(app))

        # In the list, letters are commands; without a match it opens at its end.
        await open_list(pilot, app)
        await pilot.press("j", "backspace", "tab", "j", "j", "k", "G", "g", "end", "pageup", "j")
        assert app.screen.query_one(Listing).place == 1
        assert "● A boat" in seen(app)
        await pilot.press("slash", "c", "a", "k")
        await leave(pilot, app, "enter")
        await until(pilot, lambda: "forty minutes" in read(app))
        assert app.turns[0].question == "A cake"
        await ask(pilot, app, "Once")
        await open_list(pilot, app)
        assert listed(app)[0] == "A cake"
        await pilot.press("tab", "n")
        await until(pilot, lambda: not app.turns)
        await open_list(pilot, app)
        await pilot.click(Listing, offset=(9, 2))
        await until(pilot, lambda: app.turns and app.turns[0].question == "Question 0")

    drive(setup_of(stories_gguf, history), test)
    assert [m.content for m in history.messages(history.conversations()[0].id)][-2] == "Once"


def test_rename_delete_and_undo(stories_gguf: Path, history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    for title in ("First", "Second", "Third"):
        held(history, (title, f"{title} answer"))
    opened = history.conversations()[0]

    written: list[str] = []

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        assert app._driver is not None
        monkeypatch.setattr(app._driver, "write", written.append)
        await open_list(pilot, app)
        await pilot.press("tab", "j", "r")
        await until(pilot, lambda: app.screen.query_one("#rename", Input).has_focus)
        await pilot.press("end")
        await write(pilot, " dj")
        assert "  Second dj" in seen(app)
        await pilot.press("escape")
        assert titles(history) == ["Third", "Second", "First"]
        await pilot.press("f2", "end", *"!", "enter")
        await until(pilot, lambda: "Second!" in titles(history))
        assert listed(app) == ["Third", "Second!", "First"]

        # Two go, the second of which is open; both come back, in turn.
        await pilot.press("d")
        await until(pilot, lambda: titles(history) == ["Third", "First"])
        await until(pilot, lambda: "Deleted (u: undo): “Second!”" in read(app))
        await pilot.press("k", "delete")
        await until(pilot, lambda: titles(history) == ["First"])
        assert not app.turns
        await leave(pilot, app)
        await until(pilot, lambda: "Third answer" not in read(app))
        await open_list(pilot, app)
        assert listed(app) == ["First"]
        await pilot.press("tab", "u")
        await until(pilot, lambda: listed(app) == ["Third", "First"])
        assert app.turns[0].question == "Third"
        await pilot.press("u")
        await until(pilot, lambda: listed(app) == ["Third", "Second!", "First"])
        await pilot.press("u")
        await until(pilot, lambda: "Nothing was deleted" in read(app))
        await leave(pilot, app)
        await until(pilot, lambda: "Third answer" in read(app))
        # The terminal's title follows the conversation that is open.
        await open_list(pilot, app)
        await pilot.press("f2", *" 2", "enter")
        await until(pilot, lambda: "Third 2" in titles(history))
        await leave(pilot, app)

    drive(setup_of(stories_gguf, history, conversation=opened), test)
    assert titles(history) == ["Third 2", "Second!", "First"]
    assert [text[4:-1] for text in written if text.startswith("\x1b]2;")] == [
        *("autoglm-lite", "Third – autoglm-lite", "Third 2 – autoglm-lite", "\x07\x1b[23;2")
    ]


def test_in_chinese_on_a_narrow_terminal_and_with_another_app(
    stories_gguf: Path, history: History, tmp_path: Path
) -> None:
    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await open_list(pilot, app)
        assert "还没有对话。" in seen(app)
        await pilot.press("tab", "d", "r", "e", "enter")
        assert isinstance(app.screen, HistoryScreen)
        await leave(pilot, app)
        with History(history.path) as other:
            talk = held(other, ("海边的花园里可以种什么样的蔬菜和水果呢", "番茄。"))
            await open_list(pilot, app)
            assert "海边的花园里可以种什么样…  今天" in seen(app)
            assert all(len(line) <= 40 for line in seen(app).split("\n"))
            # Another app begins an answer, and this one goes on with the same conversation.
            other.add_question(talk, "还有呢")
            growing = other.add_answer(talk.id, "黄", "", "little")
            await leave(pilot, app, "enter")
            await until(pilot, lambda: "黄" in seen(app))
            await ask(pilot, app, "Once")
            other.save_answer(growing, "黄瓜。", "", "complete")
            await open_list(pilot, app)
            await pilot.press("tab", "enter")
            await until(pilot, lambda: [turn.answer for turn in app.turns][:2] == ["番茄。", "黄瓜。"])
            assert [turn.question for turn in app.turns][2:] == ["Once"]
            # Deleted there, it is gone here; a question that was about to be asked in it is not lost.
            other.delete(talk.id)
            await open_list(pilot, app)
            assert listed(app) == []
            await leave(pilot, app)
            await ask(pilot, app, "Lost")
            assert app.prompt.text == "Lost"
            other.restore(talk.id)
            await send(pilot, app)
            await until(pilot, lambda: not app.asking.is_busy)
            assert [m.content for m in other.messages(talk.id) if m.role == "user"][-2:] == ["Once", "Lost"]

    drive(setup_of(stories_gguf, history), test, size=(40, 16), words=CHINESE)


def test_an_answer_that_is_being_written(endless_gguf: Path, history: History) -> None:
    held(history, ("Other", "Other answer"))

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await write(pilot, "Once upon a time")
        await pilot.press("enter")
        await until(pilot, lambda: app.asking.answer_text)
        # Looking is free, and so is to come back to the same conversation.
        await open_list(pilot, app)
        assert listed(app) == ["Once upon a time", "Other"]
        await leave(pilot, app, "enter")
        assert app.asking.is_busy
        # Deleted while it is written, it comes back with all that came.
        await open_list(pilot, app)
        await pilot.press("tab", "d")
        await until(pilot, lambda: titles(history) == ["Other"])
        assert not app.turns
        await pilot.press("u")
        await until(pilot, lambda: app.turns)
        assert app.turns[0].answer
        assert app.turns[0].state == "stopped"
        await pilot.press("escape")

    drive(setup_of(endless_gguf, history, n_ctx=8192, max_tokens=None), test)
