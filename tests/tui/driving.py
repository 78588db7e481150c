"""What the tests of the app share: a set-up with a real model, and waiting for what is to happen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.pilot import Pilot

from autoglm_lite.chat.backend import Backend
from autoglm_lite.chat.history import Conversation, History, Message
from autoglm_lite.chat.setup import ChatSetup
from autoglm_lite.generation import Sampling
from autoglm_lite.gguf.facts import read_facts
from autoglm_lite.planning.plan import Plan
from autoglm_lite.worker.backend import LocalBackend
from tui.app import ChatApp
from tui.desk import Desk
from tui.machine.status import StatusLine
from tui.words import ENGLISH, Words

PATIENCE = 60.0
"""Seconds; far more than anything here takes on a machine with nothing else to do."""
STORY = (
    ", there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball."
    " She wanted to play with it, but it was too high."
)
Test = Callable[["Pilot[None]", ChatApp], Awaitable[None]]


def setup_of(
    model: Path,
    history: History,
    n_ctx: int = 2048,
    max_tokens: int | None = 70,
    conversation: Conversation | None = None,
) -> ChatSetup:
    return ChatSetup(
        n_ctx,
        read_facts(model),
        history,
        template=None,
        sampling=Sampling(temperature=0),
        conversation=conversation,
        max_tokens=max_tokens,
    )


def plan_of(setup: ChatSetup) -> Plan:
    return Plan(str(setup.facts.path), setup.n_ctx, threads=1, threads_batch=1)


def desk_of(setup: ChatSetup, model: Backend | None = None) -> Desk:
    """With a worker of its own, or with `model`; it knows no other."""

    def open_model(_name: str | None) -> tuple[ChatSetup, Backend]:
        return setup, model or LocalBackend(plan_of(setup))

    return Desk(open_model, setup.history, setup.conversation)


def drive(
    setup: ChatSetup,
    test: Test,
    size: tuple[int, int] = (80, 24),
    words: Words = ENGLISH,
    model: Backend | None = None,
) -> ChatApp:
    """Runs `test` in the app, with a worker of its own or with `model`, and quits it by its key if the test has not."""

    def is_ready(app: ChatApp) -> bool:
        return app.opening.task is not None and app.opening.task.done()

    return drive_desk(desk_of(setup, model), test, is_ready, size, words)


def drive_desk(
    desk: Desk, test: Test, is_ready: Callable[[ChatApp], bool], size: tuple[int, int], words: Words
) -> ChatApp:
    """Runs `test` in the app once it `is_ready`, and quits it by its key if the test has not."""

    async def run() -> ChatApp:
        app = ChatApp(desk, words)
        try:
            async with app.run_test(size=size, notifications=True) as pilot:
                await until(pilot, lambda: is_ready(app))
                await test(pilot, app)
                if app.return_code is None:
                    await pilot.press("ctrl+q")
                    await until(pilot, lambda: app.return_code is not None)
        finally:
            await app.desk.close()
        return app

    return asyncio.run(run())


async def until(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    """Lets the app work until `condition` holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        await pilot.pause(0.01)


async def ask(pilot: Pilot[None], app: ChatApp, question: str) -> None:
    """Types and sends, then waits for the answer's end."""
    await write(pilot, question)
    await send(pilot, app)
    await until(pilot, lambda: not app.asking.is_busy)


async def send(pilot: Pilot[None], app: ChatApp) -> None:
    """Sends what is in the box."""
    before = app.asking._turn
    await pilot.press("enter")
    await until(pilot, lambda: app.asking._turn is not before)


async def write(pilot: Pilot[None], text: str) -> None:
    await pilot.press(*("space" if letter == " " else letter for letter in text))


def seen(app: ChatApp) -> str:
    """The screen's lines as a person sees them."""
    return "\n".join("".join(part.text for part in strip).rstrip() for strip in app.screen._compositor.render_strips())


def read(app: ChatApp) -> str:
    """The same without line breaks and indents."""
    return " ".join(seen(app).split())


def warned(app: ChatApp) -> str:
    """What is said in a corner for some seconds."""
    return " ".join(notice.message for notice in app._notifications)


def status(app: ChatApp) -> str:
    line = app.query_one(StatusLine).render()
    return str(line)


def on_disk(history: History) -> list[Message]:
    latest = history.latest()
    return [] if latest is None else history.messages(latest.id)
