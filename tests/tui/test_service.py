"""The app beside a service that runs, and after it has gone."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from autoglm_lite.chat.history import History
from autoglm_lite.remote.backend import ServiceBackend, ServiceFirst
from autoglm_lite.remote.http import Address
from autoglm_lite.worker.backend import LocalBackend
from tests.server.serving import Running, serving
from tests.tui.driving import STORY, drive, on_disk, plan_of, read, send, setup_of, status, until, write
from tui.app import ChatApp
from tui.words import CHINESE

N_CTX = 4096


@pytest.fixture(scope="module")
def own_file(endless_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That no other service in this process serves: workers are told apart by their files."""
    return Path(shutil.copy(endless_gguf, tmp_path_factory.mktemp("own")))


@pytest.fixture(scope="module")
def running(own_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp("kept"), {"endless": own_file}, "endless", n_ctx=N_CTX) as found:
        yield found


class Place:
    """Where the service is found; None once it has gone."""

    def __init__(self, running: Running, file: Path, history: History) -> None:
        self.address: Address | None = Address(os.getpid(), running.url, None, None)
        self.setup = setup_of(file, history, n_ctx=512, max_tokens=None)
        service = ServiceBackend(lambda: self.address, "endless", file, 512)
        self.model = ServiceFirst(service, lambda say: LocalBackend(plan_of(self.setup)))


def test_the_service_answers_and_esc_stops_its_work(running: Running, own_file: Path, history: History) -> None:
    place = Place(running, own_file, history)

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        assert "The answers come from the service that runs on this computer" in read(app)
        await until(pilot, lambda: f"context {N_CTX}" in status(app))
        assert "(service)" in status(app)
        await write(pilot, "Once upon a time")
        await send(pilot, app)
        await until(pilot, lambda: len(app.asking.answer_text) > len(STORY))
        (resident,) = running.service.models.residents
        assert app.desk.pid == resident.worker.pid
        assert resident.worker.seconds_idle is None
        await pilot.press("escape")
        await until(pilot, lambda: not app.asking.is_busy)
        await until(pilot, lambda: "— stopped" in read(app))
        await until(pilot, lambda: resident.worker.seconds_idle is not None)
        assert f"/{N_CTX}" in status(app)

    drive(place.setup, test, size=(110, 30), model=place.model)
    assert on_disk(history)[1].content.startswith(STORY)
    assert on_disk(history)[1].state == "stopped"


def test_the_panel_says_only_what_is_known_of_it(running: Running, own_file: Path, history: History) -> None:
    place = Place(running, own_file, history)

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await until(pilot, lambda: app.desk.loaded)
        await pilot.press("f2")
        await until(pilot, lambda: "own" in app.machine.shown_text)
        assert "(service)" in app.machine.shown_text
        for unknown in ("KV cache", "threads", "at most", "layers"):
            assert unknown not in app.machine.shown_text

    drive(place.setup, test, size=(110, 40), model=place.model)


def test_the_death_of_the_services_worker_costs_no_conversation(
    running: Running, own_file: Path, history: History
) -> None:
    place = Place(running, own_file, history)

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await write(pilot, "Once")
        await send(pilot, app)
        await until(pilot, lambda: app.asking.answer_text)
        first = app.desk.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(pilot, lambda: not app.asking.is_busy)
        await until(pilot, lambda: "cut off" in read(app))
        assert "was killed" in read(app)
        await ask_briefly(pilot, app)
        assert "(service)" in status(app)
        assert app.desk.pid not in (None, first)

    drive(place.setup, test, size=(110, 30), model=place.model)
    assert [message.state for message in on_disk(history)] == ["complete", "cut off", "complete", "stopped"]


async def ask_briefly(pilot: Pilot[None], app: ChatApp) -> None:
    """Asks, and stops the answer once it is there."""
    await write(pilot, "Once upon a time")
    await send(pilot, app)
    await until(pilot, lambda: len(app.asking.answer_text) > len(STORY))
    await pilot.press("escape")
    await until(pilot, lambda: not app.asking.is_busy)


def test_without_the_service_the_model_is_loaded_here(running: Running, own_file: Path, history: History) -> None:
    place = Place(running, own_file, history)

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await ask_briefly(pilot, app)
        place.address = None
        await place.model._service.close()
        await ask_briefly(pilot, app)
        await until(pilot, lambda: "the model is loaded here" in read(app))
        assert "(service)" not in status(app)
        assert app.desk.pid not in (None, *(resident.worker.pid for resident in running.service.models.residents))
        assert "/512" in status(app)

    drive(place.setup, test, size=(110, 40), model=place.model)
    assert len(on_disk(history)) == 4


def test_in_chinese(running: Running, own_file: Path, history: History) -> None:
    place = Place(running, own_file, history)

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        assert "由这台电脑上正在运行的服务来回答" in read(app)
        await until(pilot, lambda: "（服务）" in status(app))

    drive(place.setup, test, size=(110, 30), model=place.model, words=CHINESE)
