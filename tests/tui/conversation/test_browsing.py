"""The cursor over the messages, and what its keys do."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot

from autoglm_lite.chat.history import History
from tests.tui.conversation.talks import ANSWER, talk
from tests.tui.driving import drive, read, seen, setup_of, until
from tui.app import ChatApp
from tui.words import CHINESE


def test_keys_move_from_message_to_message_and_copy(stories_gguf: Path, history: History) -> None:
    conversation = talk(history, stories_gguf, ("**Q** one", "A one"), ("Q two", ANSWER), reasoning="Let me see")

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        view = app.conversation
        await pilot.press("ctrl+up")
        assert view.has_focus
        assert view.picked is view.messages[3]
        await until(pilot, lambda: "y copy" in read(app))
        await pilot.press("y")
        await until(pilot, lambda: app.clipboard == ANSWER)
        await until(pilot, lambda: "Message copied; where the terminal takes no copies" in read(app))
        kept = history.path.with_name("copied.txt")
        assert kept.read_text() == ANSWER
        assert kept.stat().st_mode & 0o777 == 0o600

        codes = ['print("one")', "echo two", 'print("one")']
        for code in codes:
            await pilot.press("c")
            await until(pilot, lambda code=code: app.clipboard == code)  # type: ignore[misc]
        assert "1/2 copied" in read(app)
        assert [fence.has_class("taken") for fence in view.turns[1].answer.fences()] == [True, False]

        for address in ("https://example.org/a?b=1", "https://example.org/二"):
            await pilot.press("l")
            await until(pilot, lambda address=address: app.clipboard == address)  # type: ignore[misc]
            assert address in read(app)

        await pilot.press("t")
        await until(pilot, lambda: "Let me see" in read(app))
        await pilot.press("k", "up", "k")
        assert view.picked is view.messages[0]
        assert not any(fence.has_class("taken") for fence in view.turns[1].answer.fences())
        await pilot.press("k")
        assert view.picked is view.messages[0]
        await pilot.press("y")
        await until(pilot, lambda: app.clipboard == "**Q** one")
        await pilot.press("c")
        await until(pilot, lambda: "no code in this answer" in read(app))
        await pilot.press("G")
        assert view.picked is view.messages[3]
        await pilot.press("g", "j")
        assert view.picked is view.messages[1]
        await pilot.press("l")
        await until(pilot, lambda: "no link in this message" in read(app))
        await pilot.press("escape")
        assert app.prompt.has_focus
        assert not view.query(".picked")
        await pilot.press("j", "k")
        assert app.prompt.text == "jk"

    drive(setup_of(stories_gguf, history, conversation=conversation), test)


def test_the_mouse_does_the_same(stories_gguf: Path, history: History) -> None:
    conversation = talk(history, stories_gguf, ("问题", "见 [手册](https://example.org/手册)。"))

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        view = app.conversation
        await pilot.click(".question")
        assert view.picked is view.messages[0]
        assert app.prompt.has_focus
        foot = view.messages[0].foot
        assert foot is not None
        await until(pilot, lambda: foot.region.height)
        await pilot.click(foot, offset=(3, 0))
        await until(pilot, lambda: app.clipboard == "问题")
        await pilot.click("AnswerView SheetBlock", offset=(4, 0))
        await until(pilot, lambda: "https://example.org/手册" in read(app))
        await pilot.press("escape")
        assert view.picked is None

    drive(setup_of(stories_gguf, history, conversation=conversation), test, words=CHINESE)


def test_earlier_messages_are_mounted_as_the_cursor_comes(stories_gguf: Path, history: History) -> None:
    turns = [(f"question {n}", f"answer {n}") for n in range(60)]
    conversation = talk(history, stories_gguf, *turns)

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        view = app.conversation
        assert view.first == 50
        await pilot.press("ctrl+up", *["k"] * 40)
        assert view.picked is not None
        assert view.picked.source == "answer 39"
        assert len(app.questions) <= 20
        await pilot.press("g")
        assert view.picked.source == "question 0"
        await until(pilot, lambda: "question 0" in read(app))
        assert len(app.questions) <= 20
        await pilot.press(*["j"] * 45)
        assert view.picked.source == "answer 22"
        assert len(app.questions) <= 20
        await until(pilot, lambda: "answer 22" in read(app))
        await pilot.press("G")
        assert view.picked.source == "answer 59"
        await pilot.press("g", "enter", "ctrl+end")
        await until(pilot, lambda: "answer 59" in read(app))
        assert view.n_later == 0

    drive(setup_of(stories_gguf, history, conversation=conversation), test)


def test_keys_that_come_faster_than_they_are_drawn_skip_what_is_between(
    stories_gguf: Path, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = [(f"question {n}", f"answer {n}\n\n" + "- and more\n" * 6) for n in range(60)]
    conversation = talk(history, stories_gguf, *turns)

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        view = app.conversation
        await pilot.press("ctrl+up")
        await until(pilot, lambda: "y copy" in read(app))
        frames: list[tuple[str, list[str]]] = []
        display = app._display

        def displayed(*args: object) -> None:
            if not app._batch_count and view.picked is not None:
                picked = view.picked.source.partition("\n")[0]
                frames.append((picked, [line.strip(" ▌█") for line in seen(app).split("\n")]))
            display(*args)  # type: ignore[arg-type]

        monkeypatch.setattr(app, "_display", displayed)
        for key in ("k", "j"):
            for _ in range(100):
                app.post_message(events.Key(key, key))
            wanted = {"k": "answer 9", "j": "answer 59"}[key]
            await until(pilot, lambda wanted=wanted: view.picked is not None and view.picked.source.startswith(wanted))  # type: ignore[misc]
            await until(pilot, lambda wanted=wanted: wanted in read(app) and "y copy" in read(app))  # type: ignore[misc]
        assert frames
        assert len(frames) < 100
        # No frame shows another place, nor nothing.
        assert [picked for picked, lines in frames if picked not in lines] == []

    drive(setup_of(stories_gguf, history, conversation=conversation), test)
