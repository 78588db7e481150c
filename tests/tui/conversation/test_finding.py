"""Finding in the conversation that is open: what is shown, whether it is mounted or not."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from autoglm_lite.chat.history import History
from autoglm_lite.chat.prompt import Turn
from tests.tui.conversation.talks import ANSWER, talk
from tests.tui.driving import drive, read, seen, setup_of, until, write
from tui.app import ChatApp
from tui.conversation.finding import Match, find, shown_texts


@pytest.mark.parametrize(
    ("wanted", "n_found"),
    [("西瓜", 1), ("HOW: see the", 1), ("**", 0), ("echo two", 1), ("e", 12), ("example.org", 1), ("", 0), ("[", 0)],
)
def test_what_is_shown_is_found(wanted: str, n_found: int) -> None:
    matches = find([Turn("?", ANSWER)], wanted)
    assert matches == [Match(0, "answer", nth) for nth in range(n_found)]
    assert n_found == sum(text.lower().count(wanted.lower()) for text in shown_texts(ANSWER) if wanted)


def test_matches_are_in_order_and_in_questions_too() -> None:
    turns = [Turn("one apple", "an **app**le"), Turn("none", "none"), Turn("Apple apple", "")]
    assert find(turns, "apple") == [
        Match(0, "question", 0),
        Match(0, "answer", 0),
        Match(2, "question", 0),
        Match(2, "question", 1),
    ]


def test_a_match_is_counted_marked_and_brought_into_view(stories_gguf: Path, history: History) -> None:
    long = "\n".join(f"line {n}" for n in range(60))
    turns = [(f"question {n}", f"answer {n}") for n in range(40)]
    turns[3] = ("第三个问题", f"```\n{long}\n找到西瓜了\n{long}\n```")
    turns[39] = ("last", ANSWER)
    conversation = talk(history, stories_gguf, *turns)

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await pilot.press("ctrl+f")
        await pilot.press("西", "瓜")
        await until(pilot, lambda: "2/2" in read(app))
        await until(pilot, lambda: marked(app) == ["西瓜"])
        await pilot.press("enter")
        await until(pilot, lambda: "1/2" in read(app))
        await until(pilot, lambda: "找到西瓜了" in read(app))
        await until(pilot, lambda: marked(app) == ["西瓜"])
        assert len(app.questions) <= 20
        assert app.conversation.n_later
        await pilot.press("down")
        await until(pilot, lambda: "2/2" in read(app) and "pear" in read(app))
        await pilot.press("shift+enter")
        await until(pilot, lambda: "找到西瓜了" in read(app))
        await pilot.press("ctrl+up", "n")
        await until(pilot, lambda: "2/2" in read(app) and "pear" in read(app))
        await pilot.press("N")
        await until(pilot, lambda: "找到西瓜了" in read(app))
        await pilot.press("slash", "end", "x")
        await until(pilot, lambda: "nothing found" in read(app))
        assert marked(app) == []
        await pilot.press("escape")
        assert app.prompt.has_focus
        await until(pilot, lambda: "Find" not in seen(app))
        await write(pilot, "x")
        assert app.prompt.text == "x"

    drive(setup_of(stories_gguf, history, conversation=conversation), test)


def marked(app: ChatApp) -> list[str]:
    """What is shown bold and reversed."""
    strips = app.conversation.screen._compositor.render_strips()
    return [
        part.text
        for strip in strips
        for part in strip
        if part.style and part.style.reverse and part.style.bold and part.style.underline
    ]
