"""The panel in the app: where it stands, what it says, and that it costs nothing while it is folded."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import psutil
import pytest
from textual.geometry import Region
from textual.pilot import Pilot

from autoglm_lite.chat.backend import Footprint
from autoglm_lite.chat.history import History
from autoglm_lite.gguf.facts import read_facts
from autoglm_lite.hardware.machine import read_machine
from autoglm_lite.paths import state_dir
from autoglm_lite.planning.memory import predict
from autoglm_lite.planning.plan import Plan
from autoglm_lite.worker.backend import LocalBackend
from tests.hardware.state import pressure, program, supply
from tests.hardware.trees import GIB, laptop, memory
from tests.tui.driving import ask, drive, plan_of, seen, setup_of, status, until
from tui.app import ChatApp
from tui.machine import folding, panel
from tui.machine.look import Looker
from tui.machine.panel import SECONDS_SAVING, MachinePanel
from tui.words import CHINESE

MB = 10**6


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panel, "SECONDS_AT_WORK", 0.02)
    monkeypatch.setattr(panel, "SECONDS_AT_REST", 0.2)


def backend_of(model: Path, history: History) -> LocalBackend:
    """One that knows what its plan takes."""

    def foresee(plan: Plan, idle: bool) -> Footprint:
        predicted = predict(read_facts(model), read_machine().features, plan)
        return Footprint(predicted, decode=5000.0 if idle else None, threads=1, cpus=(0,))

    return LocalBackend(plan_of(setup_of(model, history)), foresee=foresee)


def bytes_of(line: str) -> list[float]:
    return [float(n) * {"MB": 1e6, "GB": 1e9}[unit] for n, unit in re.findall(r"([\d.]+) (MB|GB)", line)]


def test_f2_unfolds_it_beside_the_conversation_and_folds_it(endless_gguf: Path, history: History) -> None:
    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        shown = app.machine
        assert shown.is_folded
        assert "context" in status(app)
        await pilot.press("f2")
        await until(pilot, lambda: "model  " in shown.shown_text and "threads: 1" in shown.shown_text)
        assert not app.status.display
        assert shown.region.right == 120
        assert shown.region.height == 40
        assert app.conversation.region.right == app.prompt.region.right == shown.region.x
        assert all(line in seen(app) for line in shown.shown_text.splitlines())

        await until(pilot, lambda: "at most about 5000" in shown.shown_text)
        await ask(pilot, app, "Once upon a time there was")
        await until(pilot, lambda: re.search(r"Speed +[\d.]+ tok/s", shown.shown_text))
        used = app.status.status.used
        assert used is not None
        assert used > 20
        await until(pilot, lambda: f"{used} of {app.desk.n_ctx}" in shown.shown_text)
        await ask(pilot, app, "Once upon a time there was")
        finished = app.status.status.finished
        assert finished is not None
        assert finished.cached_tokens > 1
        said = f"{finished.cached_tokens} of {finished.prompt_tokens}"
        await until(pilot, lambda: re.search(f"From cache +{said}", shown.shown_text))

        await shown.look()
        (row,) = re.findall(r"^model  .*$", shown.shown_text, re.MULTILINE)
        pid = app.desk.pid
        assert pid is not None
        measured = psutil.Process(pid).memory_info().rss
        resident, anonymous, mapped = bytes_of(row)
        assert resident == pytest.approx(measured, rel=0.03, abs=MB)
        assert anonymous + mapped == pytest.approx(resident, abs=2 * MB)
        legend = re.findall(r"■ (weights|repacked|KV cache|computing|process) ([\d.]+ MB)", shown.shown_text)
        assert sum(bytes_of(figure)[0] for _, figure in legend) == pytest.approx(measured, rel=0.05, abs=3 * MB)

        await pilot.press("f2")
        await until(pilot, lambda: app.machine.is_folded and "context" in status(app))
        await until(pilot, lambda: app.status.display and app.conversation.region.right == 120)

    drive(setup_of(endless_gguf, history), test, size=(120, 40), model=backend_of(endless_gguf, history))
    assert (state_dir() / folding.FILE).stat().st_mode & 0o777 == 0o600
    assert folding.is_folded(120)


def test_above_the_box_on_narrow_terminals_in_chinese(endless_gguf: Path, history: History) -> None:
    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await pilot.press("f2")
        await until(pilot, lambda: "内存" in app.machine.shown_text and "处理器" in app.machine.shown_text)
        region = app.machine.region
        assert (region.x, region.width, region.bottom) == (0, 80, app.prompt.region.y)
        assert region.height <= 8 < app.conversation.region.height
        # As it is remembered of wide ones.
        await pilot.resize_terminal(120, 40)
        await until(pilot, lambda: app.machine.is_folded)
        await pilot.resize_terminal(40, 12)
        await until(pilot, lambda: not app.machine.is_folded and app.machine.region.width == 40)
        await until(pilot, lambda: "内存" in seen(app))
        assert app.machine.region.height <= 4

    drive(setup_of(endless_gguf, history), test, words=CHINESE)
    assert not folding.is_folded(80)
    assert folding.is_folded(100)


def test_where_it_is_folded_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "UNFOLDED_FROM", folding.WIDE)
    assert [folding.is_folded(width) for width in (40, 80, 99, 100, 200)] == [True, True, True, False, False]
    folding.remember(120, folded=True)
    assert folding.is_folded(120)
    assert folding.is_folded(80)
    (state_dir() / folding.FILE).write_text("[1, 2")
    assert folding.is_folded(99)
    folding.remember(99, folded=False)
    assert not folding.is_folded(40)


def test_a_machine_short_of_memory_on_battery(
    stories_gguf: Path, history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = laptop(tmp_path / "machine")
    memory(root, 8 * GIB, GIB // 2)
    pressure(root, 40)
    program(root, 70, "firefox", 3 * GIB)
    supply(root, "BAT0", "Battery", status="Discharging", capacity="54")
    monkeypatch.setattr(panel, "Looker", partial(Looker, root=root))
    folding.remember(100, folded=False)

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await until(pilot, lambda: "battery 54 %" in app.machine.shown_text)
        assert "Firefox and this model together do" in app.machine.shown_text
        assert "waits for memory 40 %" in app.machine.shown_text
        assert app.machine._pause() == SECONDS_SAVING
        supply(root, "AC", "Mains", online="1")
        app.machine._looker._power_at = -1e9
        await app.machine.look()
        await until(pilot, lambda: app.desk.loaded)
        assert app.machine._pause() == panel.SECONDS_AT_REST

    drive(setup_of(stories_gguf, history), test, size=(100, 30))


def test_little_is_read_while_it_is_folded_and_only_changed_lines_are_drawn(
    stories_gguf: Path, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panel, "SECONDS_AT_REST", 1e6)
    drawn: list[int] = []
    refresh = MachinePanel.refresh

    def spy(
        self: MachinePanel, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False
    ) -> MachinePanel:
        drawn.extend(region.y for region in regions)
        return refresh(self, *regions, repaint=repaint, layout=layout, recompose=recompose)

    monkeypatch.setattr(MachinePanel, "refresh", spy)

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        shown = app.machine
        await until(pilot, lambda: app.desk.loaded)
        await shown.look()
        assert not shown._looker._times
        assert not drawn
        assert not shown.shown_text
        await pilot.press("f2")
        await until(pilot, lambda: "Memory" in shown.shown_text)
        app.status.change(used=700)
        await shown.look()
        assert "700 of" in shown.shown_text
        await pilot.pause()
        drawn.clear()
        shown._draw()
        assert drawn == []
        app.status.change(used=777)
        await until(pilot, lambda: "777 of" in shown.shown_text)
        lines = shown.shown_text.splitlines()
        (context,) = [y for y, line in enumerate(lines) if line.startswith("Context")]
        assert set(drawn) <= {context, context + 1}
        assert context in drawn

    drive(setup_of(stories_gguf, history), test, size=(110, 30))
