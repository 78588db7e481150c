"""The open block: what is long is not drawn again."""

from __future__ import annotations

import asyncio

from textual.app import App, ComposeResult
from textual.containers import VerticalScroll

from tui.app import ChatApp
from tui.conversation.tail import LINES, Part, Tail


class Harness(App[None]):
    CSS_PATH = ChatApp.CSS_PATH

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield Tail()


def test_only_the_last_lines_of_a_long_block_are_drawn_again() -> None:
    lines = [f"{'  ' * (n % 3)}行 {n}" if n % 7 else "" for n in range(300)]

    async def test() -> None:
        app = Harness()
        async with app.run_test() as pilot:
            tail = app.query_one(Tail)
            drawn: list[Part] = []
            for n in range(1, len(lines) + 1):
                text = "\n".join(lines[:n])
                await tail.put(text)
                parts = list(tail.query(Part))
                assert tail.plain == text
                assert parts[: len(drawn)] == drawn
                drawn = parts[:-1]
                assert str(parts[-1].render()).count("\n") < 2 * LINES
            await pilot.pause()
            assert len(drawn) > len(lines) // LINES - 2
            assert tail.region.height == len(lines)

            await tail.put("another block")
            await pilot.pause()
            assert tail.plain == "another block"
            assert len(tail.query(Part)) == tail.region.height == 1
            await tail.put("")
            assert not tail.display

    asyncio.run(test())
