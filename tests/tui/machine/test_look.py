"""What is read of the machine: this one, and recorded ones."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from tests.hardware.state import pressure, program, sensor, supply
from tests.hardware.trees import GIB, laptop, memory, write
from tui.machine import look
from tui.machine.look import Looker

STAT = "cpu  9 9 9 9 9\ncpu0 {busy} 0 0 {idle} 0 0 0 0 0 0\ncpu1 50 0 0 50 0 0 0 0 0 0\nintr 1"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(look, "SECONDS_BETWEEN_SENSORS", 0.0)
    folder = laptop(tmp_path / "machine")
    pressure(folder, 0)
    write(folder, "proc/stat", STAT.format(busy=100, idle=100))
    return folder


def test_this_machine() -> None:
    looker = Looker()
    found = looker.look(os.getpid())
    memory_info = psutil.virtual_memory()
    assert found.total is not None
    assert found.total <= memory_info.total
    assert found.available is not None
    assert 0 < found.available <= memory_info.total
    assert found.model is not None
    assert found.model.resident == pytest.approx(psutil.Process().memory_info().rss, rel=0.05)
    assert 0 < found.app.anonymous <= found.app.resident
    assert looker.look(None).model is None
    assert looker.look(1 << 30).model is None
    assert looker.glance(os.getpid()).model is not None


def test_processors_are_busy_between_two_looks(root: Path) -> None:
    looker = Looker(root)
    assert looker.look(None).busy == {}
    write(root, "proc/stat", STAT.format(busy=175, idle=125))
    assert looker.look(None).busy == {0: 0.75}


def test_power_and_heat(root: Path) -> None:
    throttled = "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count"
    supply(root, "AC", "Mains", online="0")
    supply(root, "BAT0", "Battery", status="Discharging", capacity="54")
    supply(root, "MOUSE", "Battery", status="Discharging", capacity="99", scope="Device")
    sensor(root, 91.4)
    write(root, throttled, "7")
    looker = Looker(root)
    found = looker.look(None)
    assert found.power is not None
    assert (found.power.battery, found.power.on_mains, found.power.temperature) == (54, False, 91.4)
    assert not found.slowed
    write(root, throttled, "8")
    assert looker.look(None).slowed
    assert not looker.look(None).slowed
    write(root, "sys/devices/platform/soc/soc:firmware/get_throttled", "50005")
    found = looker.look(None)
    assert found.slowed
    assert found.low_voltage


def test_a_shortage_and_who_holds_the_most(root: Path) -> None:
    program(root, 70, "firefox", GIB)
    program(root, 71, "Isolated Web Co", 2 * GIB)
    program(root, 72, "python3", 5 * GIB // 2)
    program(root, 73, "model", 4 * GIB)
    looker = Looker(root)
    assert not looker.look(73).short
    memory(root, 8 * GIB, 9 * GIB // 10)
    pressure(root, 40)
    found = looker.look(73)
    assert found.short
    assert found.waiting == 40
    assert found.largest is not None
    assert (found.largest.name, found.largest.memory) == ("firefox", 3 * GIB)
    pressure(root, 0)
    found = looker.look(73)
    assert not found.short
    assert found.largest is None
    memory(root, 8 * GIB, GIB // 2)
    assert looker.look(73).short


def test_a_machine_that_tells_nothing(tmp_path: Path) -> None:
    found = Looker(tmp_path).look(None)
    assert (found.total, found.available, found.busy, found.waiting, found.short) == (None, None, {}, None, False)
