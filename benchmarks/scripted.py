"""The terminal app with a model that writes one long reply at an even speed and computes nothing.

    python -m benchmarks.scripted [--turns N [--full]] [--tokens-per-second X]

For benchmarks of the app alone. The conversation begins with N turns. A token is some four letters.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from autoglm_lite.chat.backend import Backend, Footprint, Place
from autoglm_lite.chat.history import Conversation, History
from autoglm_lite.chat.setup import ChatSetup
from autoglm_lite.generation import Event, Finished, GenerateRequest, Prefill, Sampling, Text
from autoglm_lite.gguf.facts import read_facts
from autoglm_lite.worker.watch import Notice

N_CTX = 1 << 16
LETTERS = 4
STARTER = Path(__file__).parent.parent / "autoglm_lite/data/starter.gguf"
PROSE = "A laptop of four gigabytes holds a **small** model, and `mmap` lets the kernel take its pages back. " * 3
CHINESE = "小模型也能回答很多问题，并且不需要联网；内存不足时，系统会把映射的页面收回。" * 3
ITEM = "{n}. Point {n}, with *some* emphasis and a [link](https://example.org/{n})\n   - below it"
LIST = "\n".join(ITEM.format(n=n) for n in range(1, 13))
ROWS = "\n".join(f"| number {n} | {n * 731} | {n}.5 |" for n in range(12))
TABLE = f"| model | bytes | tokens/s |\n|---|---|---|\n{ROWS}"
LINES = "\n".join(f"    total_{n} = sum(row[{n}] for row in rows if row)  # line {n}" for n in range(298))
CODE = f"```python\ndef add(rows):\n{LINES}\n```"
PARTS = ("# Small models", PROSE, LIST, CHINESE, TABLE, CODE, PROSE, LIST, TABLE, CHINESE)
EXTRAS = ((LIST,), (), (TABLE,), ())
"""Beside the text of earlier answers."""
REPLY = "\n\n".join(PARTS)


class Scripted:
    """Writes REPLY to every question."""

    place: Place = "here"
    n_ctx = N_CTX
    loaded = False
    pid: int | None = None

    def __init__(self, seconds_between: float) -> None:
        self._seconds_between = seconds_between

    async def load(self, on_progress: Callable[[float], None], on_notice: Callable[[str], None]) -> None:
        self.loaded, self.pid = True, os.getppid()

    async def generate(self, request: GenerateRequest, /) -> AsyncGenerator[Event, None]:
        loop = asyncio.get_running_loop()
        yield Prefill(64, 64, 0)
        begin = loop.time()
        pieces = [REPLY[at : at + LETTERS] for at in range(0, len(REPLY), LETTERS)]
        for n, piece in enumerate(pieces):
            await asyncio.sleep(max(0.0, begin + n * self._seconds_between - loop.time()))
            yield Text(piece, 1)
        seconds = loop.time() - begin
        yield Finished("stop", 64, 0, len(pieces), 0.1, seconds)

    async def tokenize(self, text: str, /, *, templated: bool) -> list[int]:
        return list(range(len(text) // LETTERS + 1))

    async def cancel(self, request: GenerateRequest, /) -> None:
        pass

    async def watch(self, tell: Callable[[Notice], Awaitable[None]]) -> None:
        await asyncio.Event().wait()

    async def footprint(self, *, idle: bool) -> Footprint:
        return Footprint()

    async def unload(self) -> int:
        return 0

    async def close(self) -> None:
        pass


def conversation_of(history: History, n_turns: int, *, full: bool = False) -> Conversation | None:
    """One of `n_turns` questions; every fourth answer has a list, every fourth a table, or each has both."""
    if not n_turns:
        return None
    made = history.create(str(STARTER), None, "Question 0")
    for n in range(n_turns):
        if n:
            history.add_question(made, f"Question {n}")
        answer = history.add_answer(made.id, "", "", "scripted", "complete")
        extras = (LIST, TABLE) if full else EXTRAS[n % 4]
        history.save_answer(answer, "\n\n".join((PROSE, *extras, CHINESE)), "", "complete")
    return history.get(made.id)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=0)
    parser.add_argument("--full", action="store_true", help="a list and a table in each answer")
    parser.add_argument("--tokens-per-second", type=float, default=30)
    args = parser.parse_args()
    from tui.app import run_app
    from tui.desk import Desk
    from tui.settings.beginning import Beginning

    with TemporaryDirectory() as folder, History(Path(folder) / "conversations.db") as history:
        conversation = conversation_of(history, args.turns, full=args.full)

        def open_model(_name: str | None) -> tuple[ChatSetup, Backend]:
            facts = read_facts(STARTER)
            setup = ChatSetup(
                N_CTX, facts, history, template=None, sampling=Sampling(temperature=0), conversation=conversation
            )
            return setup, Scripted(1 / args.tokens_per_second)

        return run_app(Desk(open_model, history, conversation), Beginning())


if __name__ == "__main__":
    raise SystemExit(main())
