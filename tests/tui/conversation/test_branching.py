"""Answers written again and gone on with, questions in other words, and the way between the versions."""

from __future__ import annotations

from pathlib import Path

from textual.pilot import Pilot

from autoglm_lite.chat.history import History
from tests.tui.conversation.talks import talk
from tests.tui.driving import ask, drive, read, seen, send, setup_of, until, write
from tui.app import ChatApp
from tui.words import CHINESE


def test_an_answer_is_written_again_and_both_stay(stories_gguf: Path, history: History) -> None:
    conversation = talk(history, stories_gguf, ("Once", "First answer."), ("Then", "Second answer."))

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        view = app.conversation
        await answered(pilot, app, "ctrl+r")
        assert "Second answer." not in seen(app)
        await until(pilot, lambda: "2/2" in read(app))
        again = view.turns[1].answer.source
        assert again

        await pilot.press("ctrl+up", "b")
        await until(pilot, lambda: "Second answer." in read(app) and "1/2" in read(app))
        assert view.picked is view.turns[1].answer
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: "This is the first version" in read(app))
        await pilot.press("right")
        await until(pilot, lambda: view.turns[1].answer.source == again)

        await answered(pilot, app, "g", "j", "r")
        assert len(app.questions) == len(app.turns) == 1
        await pilot.press("left")
        await until(pilot, lambda: app.questions == ["Once", "Then"])
        await until(pilot, lambda: "First answer." in read(app))
        assert view.turns[1].answer.source == again
        await pilot.press("k", "left")
        await until(pilot, lambda: "This is the first version" in read(app))

    drive(setup_of(stories_gguf, history, max_tokens=8, conversation=conversation), test)


def test_a_question_is_asked_in_other_words(stories_gguf: Path, history: History) -> None:
    conversation = talk(history, stories_gguf, ("Once", "First answer."), ("Then", "Second answer."))

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        view = app.conversation
        await write(pilot, "draft")
        await pilot.press("ctrl+up", "g", "e")
        assert app.prompt.has_focus
        assert app.prompt.text == "Once"
        await until(pilot, lambda: "Esc gives it up" in read(app))
        await pilot.press("escape")
        assert app.prompt.text == "draft"
        assert "Esc gives it up" not in read(app)
        assert app.questions == ["Once", "Then"]

        await pilot.press("ctrl+up", "g", "e", "x")
        await send(pilot, app)
        await until(pilot, lambda: not app.asking.is_busy)
        assert app.questions == ["Oncex"]
        assert [turn.question for turn in app.turns] == ["Oncex"]
        await until(pilot, lambda: "2/2" in read(app))
        assert app.prompt.text == "draft"
        app.prompt.clear()
        await ask(pilot, app, "more")
        await pilot.press("ctrl+up", "g", "left")
        await until(pilot, lambda: app.questions == ["Once", "Then"])
        await until(pilot, lambda: "Second answer." in read(app) and "1/2" in read(app))
        foot = view.turns[0].asked.foot
        assert foot is not None
        await until(pilot, lambda: foot.region.height)
        await pilot.click(foot, offset=(8, 0))
        await until(pilot, lambda: app.questions == ["Oncex", "more"])
        await pilot.press("k", "e")
        assert app.prompt.text == "Oncex"
        await pilot.press("ctrl+n")
        await until(pilot, lambda: not app.questions)
        assert app.editing.view is None

    drive(setup_of(stories_gguf, history, max_tokens=4, conversation=conversation), test)
    assert sorted(message.content for message in history.messages(conversation.id) if message.role == "user") == [
        "Once",
        "Oncex",
        "Then",
        "more",
    ]


def test_what_was_cut_off_goes_on_where_it_ended(stories_gguf: Path, history: History) -> None:
    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "还没有提过问题" in read(app))
        await ask(pilot, app, "Once upon a time")
        first = app.asking.answer_text
        await until(pilot, lambda: "未写完" in read(app))
        await pilot.press("ctrl+up")
        await until(pilot, lambda: "o 继续写" in read(app))
        await answered(pilot, app, "o")
        whole = app.asking.answer_text
        assert whole.startswith(first)
        assert len(whole) > len(first)
        assert [turn.answer for turn in app.turns] == [whole]
        await until(pilot, lambda: " ".join(whole.split()) in read(app))

    drive(setup_of(stories_gguf, history, max_tokens=10), test, words=CHINESE)


def test_nobody_stops_an_answer_by_accident(stories_gguf: Path, history: History) -> None:
    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await write(pilot, "Once")
        await pilot.press("enter")
        await until(pilot, lambda: app.asking.answer_text)
        await write(pilot, "next")
        await pilot.press("escape")
        await until(pilot, lambda: "Esc again stops" in read(app))
        assert app.asking.is_busy
        await pilot.press("ctrl+up", "r")
        await until(pilot, lambda: "An answer is being written" in read(app))
        await pilot.press("escape")
        assert app.asking.is_busy
        # The first press was long ago, as far as the app can tell.
        app.warned -= 60
        await pilot.press("escape")
        assert app.asking.is_busy
        await pilot.press("escape")
        await until(pilot, lambda: not app.asking.is_busy)
        assert app.prompt.text == "next"
        await until(pilot, lambda: "— stopped" in read(app))

    drive(setup_of(stories_gguf, history, max_tokens=None), test)


async def answered(pilot: Pilot[None], app: ChatApp, *keys: str) -> None:
    """Presses the keys, which have something answered, and waits for its end."""
    before = app.asking._turn
    await pilot.press(*keys)
    await until(pilot, lambda: app.asking._turn is not before and not app.asking.is_busy)
