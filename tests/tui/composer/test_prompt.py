"""The box: Enter sends, other keys begin a line, old questions come back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from textual.app import App, ComposeResult
from textual.events import Key
from textual.pilot import Pilot

from tests.tui.driving import until, write
from tui.composer.prompt import Prompt
from tui.composer.recall import Recall


class Harness(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.prompt = Prompt("ask", ["first", "second\nof two lines"])
        self.submitted: list[str] = []

    def compose(self) -> ComposeResult:
        yield self.prompt

    def on_prompt_submitted(self, event: Prompt.Submitted) -> None:
        self.submitted.append(event.text)
        self.prompt.sent()


def drive(test: Callable[[Pilot[None], Harness], Awaitable[None]]) -> None:
    async def run() -> None:
        app = Harness()
        async with app.run_test() as pilot:
            await test(pilot, app)

    asyncio.run(run())


@pytest.mark.parametrize("key", ["ctrl+j", "shift+enter", "alt+enter"])
def test_enter_sends_and_others_begin_a_line(key: str) -> None:
    async def test(pilot: Pilot[None], app: Harness) -> None:
        await write(pilot, "a")
        await pilot.press(key)
        await write(pilot, "b")
        assert app.submitted == []
        await pilot.press("enter")
        await until(pilot, lambda: app.submitted == ["a\nb"])
        assert app.prompt.text == ""

    drive(test)


def test_joined_emoji_can_be_typed() -> None:
    async def test(pilot: Pilot[None], app: Harness) -> None:
        await pilot.press(*"从前👩")
        # As a terminal sends it; Pilot knows no such key.
        app.prompt.post_message(Key("zero_width_joiner", "\u200d"))
        await pilot.press("🚀")
        assert app.prompt.text == "从前👩\u200d🚀"

    drive(test)


def test_an_empty_box_sends_nothing() -> None:
    async def test(pilot: Pilot[None], app: Harness) -> None:
        await pilot.press("enter", "space", "ctrl+j", "enter")
        await pilot.pause()
        assert app.submitted == []

    drive(test)


def test_up_at_the_edge_recalls_and_down_comes_back() -> None:
    async def test(pilot: Pilot[None], app: Harness) -> None:
        await write(pilot, "draft")
        await pilot.press("up")
        assert app.prompt.text == "second\nof two lines"
        # The cursor is at the end: the first press only moves it up within the text.
        await pilot.press("up")
        assert app.prompt.text == "second\nof two lines"
        await pilot.press("up")
        assert app.prompt.text == "first"
        await pilot.press("up")
        assert app.prompt.text == "first"
        await pilot.press("down")
        assert app.prompt.text == "second\nof two lines"
        await pilot.press("down")
        assert app.prompt.text == "draft"

    drive(test)


def test_a_text_comes_back_only_into_an_empty_box() -> None:
    async def test(pilot: Pilot[None], app: Harness) -> None:
        app.prompt.put_back("again")
        assert app.prompt.text == "again"
        app.prompt.put_back("other")
        assert app.prompt.text == "again"

    drive(test)


def test_recall_keeps_each_text_once_in_a_row() -> None:
    recall = Recall()
    assert recall.back("x") is None
    assert recall.forth() is None
    for text in ("a", "a", "b"):
        recall.add(text)
    assert [recall.back("draft"), recall.back(""), recall.back("")] == ["b", "a", None]
    assert [recall.forth(), recall.forth(), recall.forth()] == ["b", "draft", None]
