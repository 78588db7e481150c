"""The app through the keys that a person presses, with a real worker and a real model."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from textual.pilot import Pilot

from autoglm_lite.chat.history import History
from tests.tui.driving import STORY, ask, drive, on_disk, read, seen, send, setup_of, status, until, write
from tui.app import ChatApp
from tui.composer.prompt import Prompt
from tui.words import CHINESE


def test_a_question_typed_before_the_model_is_loaded_is_answered(stories_gguf: Path, history: History) -> None:
    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        assert "not loaded" not in read(app)
        await ask(pilot, app, "Once upon a time")
        assert app.query_one(Prompt).text == ""
        await until(pilot, lambda: "there was a little girl named Lily." in read(app))
        assert "tok/s" in status(app)
        assert "/2048" in status(app)

    drive(setup_of(stories_gguf, history), test)
    question, answer = on_disk(history)
    assert (question.role, question.content) == ("user", "Once upon a time")
    assert answer.content.startswith(STORY)
    assert answer.state == "cut off"


def test_escape_keeps_what_came(stories_gguf: Path, history: History) -> None:
    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await write(pilot, "Once")
        await pilot.press("enter")
        await until(pilot, lambda: app.asking.answer_text)
        await pilot.press("escape")
        await until(pilot, lambda: not app.asking.is_busy)
        await until(pilot, lambda: "— stopped" in read(app))
        assert on_disk(history)[1].content == app.asking.answer_text
        await ask(pilot, app, "One day")

    drive(setup_of(stories_gguf, history, n_ctx=512, max_tokens=None), test)
    assert [(m.role, m.state) for m in on_disk(history)][:3] == [
        ("user", "complete"),
        ("assistant", "stopped"),
        ("user", "complete"),
    ]


@pytest.mark.parametrize(("number", "said"), [(signal.SIGKILL, "memory ran out"), (signal.SIGABRT, "internal error")])
def test_the_app_outlives_its_model(stories_gguf: Path, history: History, number: int, said: str) -> None:
    pieces = []

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await write(pilot, "Once")
        await pilot.press("enter")
        await until(pilot, lambda: app.asking.answer_text)
        first = app.desk.pid
        assert first is not None
        os.kill(first, number)
        await until(pilot, lambda: not app.asking.is_busy)
        pieces.append(app.asking.answer_text)
        await until(pilot, lambda: said in read(app))
        await until(pilot, lambda: "cut off" in read(app))
        assert "not loaded" in status(app)
        await write(pilot, "Once upon a time")
        await send(pilot, app)
        await until(pilot, lambda: len(app.asking.answer_text) > len(STORY))
        assert app.desk.pid not in (None, first)
        await pilot.press("escape")
        await until(pilot, lambda: not app.asking.is_busy)

    drive(setup_of(stories_gguf, history, max_tokens=None), test)
    messages = on_disk(history)
    assert [m.content for m in messages[:3]] == ["Once", pieces[0], "Once upon a time"]
    assert messages[3].content.startswith(STORY)
    assert [m.state for m in messages] == ["complete", "cut off", "complete", "stopped"]


def test_a_death_between_answers_is_made_good_by_the_next_question(stories_gguf: Path, history: History) -> None:
    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await ask(pilot, app, "One day")
        first = app.desk.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(pilot, lambda: app.desk.pid is None)
        await ask(pilot, app, "Once upon a time")
        assert app.asking.answer_text.startswith(STORY)

    drive(setup_of(stories_gguf, history), test)


def test_a_question_that_is_too_long_comes_back_into_the_box(stories_gguf: Path, history: History) -> None:
    question = "word " * 300

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        app.query_one(Prompt).insert(question)
        await send(pilot, app)
        await until(pilot, lambda: not app.asking.is_busy)
        await until(pilot, lambda: "the context holds 128" in read(app))
        assert app.query_one(Prompt).text == question
        app.query_one(Prompt).clear()
        await ask(pilot, app, "Once upon a time")
        assert app.asking.answer_text.startswith(STORY)

    drive(setup_of(stories_gguf, history, n_ctx=128), test)


def test_a_model_that_cannot_be_loaded_is_told_of(stories_gguf: Path, history: History, tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(stories_gguf.read_bytes())
    setup = setup_of(broken, history)
    broken.write_bytes(b"GGUF" + b"\0" * 100)

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await until(pilot, lambda: "cannot load" in read(app))
        assert "not loaded" in status(app)
        await ask(pilot, app, "Once upon a time")
        assert app.query_one(Prompt).text == "Once upon a time"
        broken.write_bytes(stories_gguf.read_bytes())
        await pilot.press("enter")
        await until(pilot, lambda: len(app.asking.answer_text) > len(STORY) and not app.asking.is_busy)

    drive(setup, test)
    assert [m.role for m in on_disk(history)] == ["user", "assistant"]


def test_enter_during_an_answer_keeps_the_text(stories_gguf: Path, history: History, home: Path) -> None:
    (home / "config").mkdir(parents=True, exist_ok=True)
    (home / "config" / "keys.toml").write_text('stop = ["f9", "escape"]')

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        assert "F9 stop" not in read(app)
        await write(pilot, "Once")
        await pilot.press("enter")
        await until(pilot, lambda: app.asking.answer_text)
        await until(pilot, lambda: "F9 stop" in read(app))
        await write(pilot, "next")
        await pilot.press("enter")
        assert app.query_one(Prompt).text == "next"
        await until(pilot, lambda: "F9 stops it" in read(app))
        await pilot.press("f9", "f9")
        await until(pilot, lambda: not app.asking.is_busy and "F9" not in read(app))

    drive(setup_of(stories_gguf, history, max_tokens=None), test)
    assert [m.content for m in on_disk(history)[:1]] == ["Once"]


def test_quitting_in_mid_answer_keeps_what_came(stories_gguf: Path, history: History) -> None:
    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await write(pilot, "Once")
        await pilot.press("enter")
        await until(pilot, lambda: app.asking.answer_text)

    app = drive(setup_of(stories_gguf, history, max_tokens=None), test)
    assert app.return_code == 0
    assert app.desk.pid is None
    answer = on_disk(history)[1]
    assert (answer.content, answer.state) == (app.asking.answer_text, "stopped")


def test_control_c_stops_then_quits(stories_gguf: Path, history: History) -> None:
    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await write(pilot, "Once")
        await pilot.press("enter")
        await until(pilot, lambda: app.asking.answer_text)
        await pilot.press("ctrl+c")
        await until(pilot, lambda: not app.asking.is_busy)
        await pilot.press("ctrl+c")
        await until(pilot, lambda: "Ctrl+C again quits" in read(app))
        await pilot.press("ctrl+c")
        await until(pilot, lambda: app.return_code is not None)

    assert drive(setup_of(stories_gguf, history, max_tokens=None), test).return_code == 0


def test_the_last_answer_is_copied(stories_gguf: Path, history: History) -> None:
    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await pilot.press("ctrl+y")
        await until(pilot, lambda: "no answer to copy" in read(app))
        await ask(pilot, app, "Once upon a time")
        await pilot.press("ctrl+y")
        await until(pilot, lambda: "Answer copied" in read(app))
        assert app.clipboard == app.asking.answer_text

    drive(setup_of(stories_gguf, history), test)


def test_what_the_mouse_selects_is_copied(stories_gguf: Path, history: History) -> None:
    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await ask(pilot, app, "Once upon a time")
        await pilot.pause(0.1)
        await pilot.mouse_down(".question", offset=(2, 0))
        await pilot.hover(".question", offset=(10, 0))
        await pilot.mouse_up(".question", offset=(10, 0))
        await pilot.press("ctrl+c")
        assert app.clipboard == "Once upon"
        assert app.return_code is None

    drive(setup_of(stories_gguf, history), test)


def test_a_new_conversation_leaves_the_old_one_on_disk(stories_gguf: Path, history: History) -> None:
    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await ask(pilot, app, "First")
        await pilot.press("ctrl+n")
        await until(pilot, lambda: "this computer alone" in read(app))
        assert "First" not in read(app)
        await ask(pilot, app, "Second")
        assert "this computer alone" not in read(app)

    drive(setup_of(stories_gguf, history), test)
    assert [conversation.title for conversation in history.conversations()] == ["Second", "First"]


def test_a_resumed_conversation_shows_its_end_and_more_on_demand(stories_gguf: Path, history: History) -> None:
    conversation = history.create(str(stories_gguf), None, "question 0")
    for n in range(25):
        if n:
            history.add_question(conversation, f"question {n}")
        answer = history.add_answer(conversation.id, f"answer **{n}**", "", "stories", "complete")
        history.save_answer(answer, f"answer **{n}**", "", "stopped" if n == 24 else "complete")

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await until(pilot, lambda: "answer 24" in read(app))
        await until(pilot, lambda: "— stopped" in read(app))
        assert app.questions == [f"question {n}" for n in range(15, 25)]
        await pilot.press("ctrl+l")
        await until(pilot, lambda: len(app.questions) == 20)
        await pilot.press("ctrl+home")
        await until(pilot, lambda: "5 earlier questions" in read(app))
        await pilot.press("up")
        assert app.query_one(Prompt).text == "question 24"

    drive(setup_of(stories_gguf, history, conversation=history.get(conversation.id)), test)


def test_what_is_mounted_stays_bounded(stories_gguf: Path, history: History) -> None:
    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        for n in range(22):
            await ask(pilot, app, f"{n}")
        assert len(app.questions) < 22
        assert app.questions[-1] == "21"
        hidden = 22 - len(app.questions)
        await pilot.press("ctrl+home")
        await until(pilot, lambda: f"{hidden} earlier questions" in read(app))

    drive(setup_of(stories_gguf, history, max_tokens=2), test)


@pytest.mark.parametrize("size", [(80, 24), (200, 50), (40, 12), (20, 8)])
def test_every_size_shows_the_answer_and_the_box(stories_gguf: Path, history: History, size: tuple[int, int]) -> None:
    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        app.query_one(Prompt).insert("从前有一个小女孩 👩‍🚀 — Once upon a time")
        await send(pilot, app)
        await until(pilot, lambda: not app.asking.is_busy)
        lines = seen(app).split("\n")
        assert len(lines) == size[1]
        assert "提问" not in read(app)
        await until(pilot, lambda: "问点什么" in read(app))
        assert app.query_one(Prompt).region.height == 3

    drive(setup_of(stories_gguf, history), test, size, CHINESE)
