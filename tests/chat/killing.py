"""A program that answers and says what it has shown, to be killed. Each line on stdin is a Task, done in a child of its
own: so a hundred programs take a few seconds."""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import signal
import sys
from collections.abc import AsyncGenerator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast

from autoglm_lite.chat import recorder
from autoglm_lite.chat.events import Answer, Reasoning
from autoglm_lite.chat.growing import GrowingFile
from autoglm_lite.chat.history import History
from autoglm_lite.chat.session import Session
from autoglm_lite.chat.setup import ChatSetup
from autoglm_lite.chat.template import ChatTemplate
from autoglm_lite.generation import Event, Finished, GenerateRequest, Prefill, Sampling, Text
from autoglm_lite.gguf.facts import read_facts

PIECES = ["Once", " upon\n", "一个", "👋🏽", '"\\', "\0", "\r\n", " ", "x" * 300, "é\u2028", "['answer', 'no']\n"]
Way = Literal["answer", "again", "go on", "edit"]
Death = Literal["", "row", "removing", "torn", "full"]
"""Where it kills itself: right after the answer's message was made, before its file is removed, in the middle of a
write; or the disk is full for a while, and it does not."""


@dataclass(frozen=True)
class Task:
    path: str
    """Of the conversations."""
    way: Way
    seed: int = 0
    n_pieces: int = 1000
    thinks: bool = False
    seconds_between_writes: float = 1.0
    death: Death = ""


class Talker:
    """A model that says anything, thinking first perhaps."""

    def __init__(self, task: Task) -> None:
        self._task = task

    async def tokenize(self, text: str, /, *, templated: bool) -> list[int]:
        return [0]

    async def cancel(self, request: GenerateRequest, /) -> None: ...

    async def generate(self, request: GenerateRequest, /) -> AsyncGenerator[Event, None]:
        dice = random.Random(self._task.seed)
        yield Prefill(1, 1, 0)
        if self._task.thinks:
            yield Text("<think>", 1)
        for n in range(self._task.n_pieces):
            await asyncio.sleep(dice.random() * 0.0005)
            yield Text(f"{n}{dice.choice(PIECES)}", 1)
            if self._task.thinks and n == self._task.n_pieces // 2:
                yield Text("</think>", 1)
        yield Finished("stop", 1, 0, self._task.n_pieces, 1.0, 2.0)


class Plain:
    """In place of a template, which would be a program of its own."""

    def render(self, messages: list[dict[str, str]], **_: object) -> str:
        return "".join(message["content"] for message in messages)


async def talk(model: Path, task: Task) -> None:
    with History(Path(task.path)) as history:
        found = history.latest()
        setup = ChatSetup(10**9, read_facts(model), history, cast(ChatTemplate, Plain()), Sampling(), found)
        session = Session(Talker(task), setup)
        match task.way:
            case "answer":
                events = session.answer("question")
            case "again":
                events = session.again(session.turns[-1])
            case "go on":
                events = session.go_on()
            case "edit":
                events = session.answer("edited", instead_of=session.turns[-1])
        async for event in events:
            if isinstance(event, Answer | Reasoning):
                say("answer" if isinstance(event, Answer) else "reasoning", event.text)


def say(*what: object, write: Any = os.write) -> None:
    """In one write, so that it is said whole or not at all."""
    write(1, f"{json.dumps(what)}\n".encode())


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def prepare(task: Task) -> None:
    recorder.SECONDS_BETWEEN_WRITES = task.seconds_between_writes
    add, write, add_answer, n = GrowingFile.add, os.write, History.add_answer, 0

    def torn(fd: int, data: bytes) -> int:
        write(fd, data[: len(data) // 2])
        die()
        return 0

    def counted(file: GrowingFile, part: Any, text: str) -> None:
        nonlocal n
        n += 1
        if task.death == "torn" and n == 20:
            os.write = torn  # type: ignore[assignment]
        if task.death == "full" and n in (20, 40):
            room = file._path.stat().st_size + 5 if n == 20 else resource.RLIM_INFINITY
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
        add(file, part, text)

    def with_row(*args: Any, **named: Any) -> int:
        add_answer(*args, **named)
        die()
        return 0

    if task.death in ("torn", "full"):
        GrowingFile.add = counted  # type: ignore[method-assign, assignment]
    elif task.death == "removing":
        GrowingFile.remove = lambda _: die()  # type: ignore[method-assign, assignment]
    elif task.death == "row":
        History.add_answer = with_row  # type: ignore[method-assign]


def main(model: Path) -> None:
    for line in sys.stdin:
        task = Task(**json.loads(line))
        pid = os.fork()
        if pid == 0:
            try:
                prepare(task)
                asyncio.run(talk(model, task))
                say("done")
            finally:
                os._exit(0)
        say("begun", pid)
        sys.stdin.readline()
        os.waitpid(pid, 0)
        say("ended")


def as_line(task: Task) -> str:
    return json.dumps(asdict(task)) + "\n"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
