"""An answer's widgets: what is streamed ends as what is whole, reasoning stays folded until it is asked for."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.pilot import Pilot
from textual.widgets import Static

from tests.tui.driving import until
from tui.app import ChatApp
from tui.conversation.answer import AnswerView
from tui.conversation.block import Block
from tui.conversation.tail import Tail
from tui.conversation.thoughts import Thoughts
from tui.conversation.view import ConversationView
from tui.words.conversation import ENGLISH

TEXT = """# Title

A paragraph
with **bold**, `code` and <b>tags</b>, 中文 👋🏽.

- one
- two

  more of two

```python
def f():

    return "```"
```

1. first
2. second

| a | b |
|---|---|
| 1 | 二 |

> quoted

So $a*b*c$ and \\(x_1 + x_2\\):

$$
\\frac{a}{b}
- c
$$

The end"""


class Conversation(VerticalScroll):
    COMPONENT_CLASSES = ConversationView.COMPONENT_CLASSES


class Harness(App[None]):
    CSS_PATH = ChatApp.CSS_PATH

    def __init__(self, answer: AnswerView) -> None:
        super().__init__()
        self.answer = answer

    def compose(self) -> ComposeResult:
        with Conversation():
            yield self.answer


def show(answer: Callable[[], AnswerView], test: Callable[[Pilot[None], AnswerView], Awaitable[None]]) -> None:
    async def run() -> None:
        app = Harness(answer())
        async with app.run_test(size=(80, 100)) as pilot:
            await test(pilot, app.answer)

    asyncio.run(run())


def lines(view: AnswerView) -> list[str]:
    """As they are on the screen, down to the last that is not empty."""
    strips = view.screen._compositor.render_strips()
    return "\n".join("".join(part.text for part in strip).rstrip() for strip in strips).rstrip().split("\n")


def blocks(view: AnswerView) -> list[str]:
    return [block.shown.plain for block in view.query(Block)]


@pytest.mark.parametrize("seed", range(4))
def test_a_streamed_answer_ends_as_the_whole_one(seed: int) -> None:
    chosen = random.Random(seed)
    whole: list[str] = []

    async def test_whole(pilot: Pilot[None], view: AnswerView) -> None:
        await until(pilot, lambda: lines(view)[-1].strip() == "The end")
        whole.extend(lines(view))
        assert len(blocks(view)) == 3

    async def test_streamed(pilot: Pilot[None], view: AnswerView) -> None:
        rest = TEXT
        while rest:
            n = chosen.randint(1, 40)
            view.feed(rest[:n])
            rest = rest[n:]
            await pilot.pause(chosen.choice((0, 0.02)))
        await view.finish()
        assert view.text == TEXT
        await until(pilot, lambda: lines(view) == whole)
        assert not view.query(Tail)

    show(lambda: AnswerView(ENGLISH, TEXT), test_whole)
    show(lambda: AnswerView(ENGLISH), test_streamed)


def test_the_open_block_is_shown_before_it_is_finished() -> None:
    async def test(pilot: Pilot[None], view: AnswerView) -> None:
        view.feed("Half a sent")
        await until(pilot, lambda: [tail.plain for tail in view.query(Tail)] == ["Half a sent"])
        view.feed("ence.\n\nNext")
        await until(pilot, lambda: blocks(view) == ["Half a sentence."])
        await until(pilot, lambda: view.query_one(Tail).plain == "Next")

    show(lambda: AnswerView(ENGLISH), test)


def test_reasoning_is_one_line_until_it_is_opened() -> None:
    async def test(pilot: Pilot[None], view: AnswerView) -> None:
        assert not view.query(Thoughts)
        view.reason("Let me\nsee", 4)
        await until(pilot, lambda: view.query(".title"))
        thoughts, title = view.query_one(Thoughts), view.query_one(".title", Static)
        await until(pilot, lambda: str(title.render()) == "▸ thinking for 0 s · 4 tokens")
        view.feed("Yes.")
        await until(pilot, lambda: str(title.render()) == "▸ thought for 0 s · 4 tokens")
        await view.finish()
        assert thoughts.region.height == 1
        assert not view.query(".body")
        assert view.toggle_thoughts()
        await until(pilot, lambda: thoughts.region.height == 3)
        assert str(view.query_one(".body", Static).render()) == "Let me\nsee"
        await pilot.click(Thoughts)
        await until(pilot, lambda: thoughts.region.height == 1)

    show(lambda: AnswerView(ENGLISH), test)


def test_without_reasoning_there_is_nothing_to_open() -> None:
    async def test(pilot: Pilot[None], view: AnswerView) -> None:
        view.feed("Yes.")
        await view.finish()
        assert not view.toggle_thoughts()

    show(lambda: AnswerView(ENGLISH), test)
