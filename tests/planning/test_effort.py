"""How hard a model computes on battery and in heat, on recorded machines."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.hardware.power import Power, read_power
from autoglm_lite.planning.effort import SECONDS_COOL, Climate, Effort, effort_of, follow
from autoglm_lite.planning.plan import Plan, Saving
from tests.hardware.state import CPU, sensor, supply
from tests.hardware.trees import write

PLAN = Plan("model.gguf", 4096, threads=4, threads_batch=6)
SAVING = Plan("model.gguf", 4096, threads=4, threads_batch=6, saving=Saving(threads=2, nice=10))


def laptop(root: Path, *, mains: bool, degrees: float = 50.0, throttled: int = 0) -> Power:
    supply(root, "AC", "Mains", online=str(int(mains)))
    supply(root, "BAT0", "Battery", status="Charging" if mains else "Discharging")
    sensor(root, degrees)
    write(root, f"{CPU}/cpu0/thermal_throttle/core_throttle_count", str(throttled))
    return read_power(root)


def test_on_battery(tmp_path: Path) -> None:
    plugged, unplugged = laptop(tmp_path, mains=True), laptop(tmp_path, mains=False)
    assert effort_of(SAVING, Climate(), plugged) == (Effort(6, 0), None)
    assert effort_of(SAVING, Climate(), unplugged) == (Effort(2, 10), "battery")
    assert effort_of(PLAN, Climate(hot=True), unplugged) == (Effort(6, 0), None)


def test_heat_that_slows_the_processor(tmp_path: Path) -> None:
    cool = laptop(tmp_path, mains=True, throttled=7)
    # What heat did before we came says nothing.
    climate = follow(Climate(), None, cool, 10)
    assert not climate.hot
    slowed = laptop(tmp_path, mains=True, throttled=8)
    climate = follow(climate, cool, slowed, 10)
    assert effort_of(SAVING, climate, slowed) == (Effort(2, 10), "heat")


def test_heat_near_the_limit_lasts_until_it_has_been_cool_for_a_while(tmp_path: Path) -> None:
    climate, before = Climate(), None
    hot = []
    for degrees in (80, 94, 96, 93, 90, *[84] * 5, 88, *[84] * 7):
        now = laptop(tmp_path, mains=True, degrees=degrees)
        climate, before = follow(climate, before, now, 10), now
        hot.append(climate.hot)
    # 60 s of 84 °C in a row, less what 88 °C interrupted.
    assert hot == [False, False, *[True] * 14, False, False]


def test_a_raspberry_pi_at_its_limit(tmp_path: Path) -> None:
    write(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", "80008")
    assert follow(Climate(), None, read_power(tmp_path), 10).hot
    write(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", "c0000")
    assert not follow(Climate(), None, read_power(tmp_path), 10).hot


def test_a_machine_without_sensors_is_never_hot(tmp_path: Path) -> None:
    silent = read_power(tmp_path)
    assert not follow(Climate(), silent, silent, 10).hot
    assert effort_of(SAVING, Climate(), silent) == (Effort(6, 0), None)


def test_a_saving_that_saves_nothing_is_none(tmp_path: Path) -> None:
    plan = Plan("model.gguf", 4096, threads=2, threads_batch=2, saving=Saving(threads=4, nice=0))
    assert effort_of(plan, Climate(), laptop(tmp_path, mains=False)) == (Effort(2, 0), None)


@given(st.integers(1, 64), st.integers(1, 64), st.booleans(), st.sampled_from([None, True, False]))
def test_saving_never_takes_more_than_the_plan(threads: int, saving: int, hot: bool, mains: bool | None) -> None:
    plan = Plan("m", 512, threads, threads, saving=Saving(saving, 5))
    power = Power(mains, None, None, None, None, None, None, None)
    effort, cause = effort_of(plan, Climate(hot=hot), power)
    assert effort.threads <= threads
    assert (cause is None) == (effort.nice == 0) == (not hot and mains is not False)


@given(st.floats(0, 60, exclude_max=True))
def test_a_cool_moment_does_not_end_heat(seconds: float) -> None:
    cool = Power(True, None, None, None, 0, 50.0, 100.0, None)
    assert follow(Climate(hot=True), cool, cool, seconds).hot
    assert not follow(Climate(hot=True), cool, cool, SECONDS_COOL).hot
