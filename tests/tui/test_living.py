"""What the app says when the machine is short of memory, or on battery."""

from __future__ import annotations

import resource
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from textual.pilot import Pilot

from autoglm_lite.chat.history import History
from autoglm_lite.planning import shedding
from autoglm_lite.planning.plan import Saving
from autoglm_lite.worker import backend, watch
from autoglm_lite.worker.backend import LocalBackend
from tests.hardware.state import pressure, supply
from tests.hardware.trees import GIB, memory
from tests.tui.driving import STORY, ask, drive, plan_of, read, send, setup_of, status, until
from tui.app import ChatApp
from tui.composer.prompt import Prompt
from tui.words import CHINESE


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recorded machine that the app lives on, where time goes faster."""
    folder = tmp_path / "machine"
    monkeypatch.setattr(backend, "Watch", partial(watch.Watch, root=folder))
    for name in ("SECONDS_BETWEEN", "SECONDS_ON_BATTERY", "SECONDS_BETWEEN_POWER"):
        monkeypatch.setattr(watch, name, 0.05)
    seconds = {kind: {"context": 0.2, "model": 1.0} for kind in shedding.SECONDS_IDLE}
    monkeypatch.setattr(shedding, "SECONDS_IDLE", seconds)
    memory(folder, GIB, GIB // 2)
    return folder


def test_a_shortage_is_told_of_and_costs_no_answer(endless_gguf: Path, history: History, root: Path) -> None:
    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await ask(pilot, app, "Once upon a time")
        first = app.desk.pid
        memory(root, GIB, GIB // 10)
        pressure(root, 40)
        await until(pilot, lambda: "went back to the system: the next question takes a" in read(app))
        assert app.desk.pid == first
        await until(pilot, lambda: "the model was unloaded" in read(app))
        await until(pilot, lambda: "not loaded" in status(app))
        assert app.desk.pid is None
        memory(root, GIB, GIB // 2)
        pressure(root, 0)
        await ask(pilot, app, "Once upon a time")
        assert app.asking.answer_text.startswith(STORY)
        assert "not loaded" not in status(app)

    drive(setup_of(endless_gguf, history, n_ctx=16384), test, size=(100, 40))


def test_too_little_memory_to_read_the_conversation_again_costs_nothing(endless_gguf: Path, history: History) -> None:
    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await ask(pilot, app, "One day")
        pid = app.desk.pid
        assert pid is not None
        assert app.desk.opened is not None
        assert isinstance(app.desk.opened.model, LocalBackend)
        await app.desk.opened.model.worker.shed_context()
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
        full = resource.prlimit(pid, resource.RLIMIT_AS)
        resource.prlimit(pid, resource.RLIMIT_AS, (pages * resource.getpagesize() + 2_000_000, full[1]))
        await ask(pilot, app, "Once upon a time")
        await until(pilot, lambda: "too little memory now to go on with the conversation" in read(app))
        assert app.query_one(Prompt).text == "Once upon a time"
        assert app.desk.pid == pid
        resource.prlimit(pid, resource.RLIMIT_AS, full)
        await send(pilot, app)
        await until(pilot, lambda: not app.asking.is_busy)
        assert app.asking.answer_text

    drive(setup_of(endless_gguf, history, n_ctx=16384), test, size=(100, 40))


def test_a_shortage_in_chinese(endless_gguf: Path, history: History, root: Path) -> None:
    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await ask(pilot, app, "Once")
        memory(root, GIB, GIB // 10)
        pressure(root, 40)
        await until(pilot, lambda: "归还给系统" in read(app))

    drive(setup_of(endless_gguf, history, n_ctx=16384), test, size=(100, 40), words=CHINESE)


def test_less_effort_on_battery_is_remarked(stories_gguf: Path, history: History, root: Path) -> None:
    supply(root, "AC", "Mains", online="0")
    supply(root, "BAT0", "Battery", status="Discharging")
    setup = setup_of(stories_gguf, history)
    model = LocalBackend(replace(plan_of(setup), saving=Saving(threads=1, nice=1)))

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await until(pilot, lambda: "On battery" in read(app))
        supply(root, "AC", "Mains", online="1")
        await until(pilot, lambda: "full power again" in read(app))
        await ask(pilot, app, "Once upon a time")
        assert app.asking.answer_text.startswith(STORY)

    drive(setup, test, model=model)
