"""Memory on one channel is found where the firmware or the speed tells, and never where neither does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from autoglm_lite.doctor import Finding, diagnose
from autoglm_lite.doctor.channels import question
from autoglm_lite.hardware.survey import Survey
from tests.doctor.machines import HEALTHY, NEW, OLD, desktop, laptop_on_battery, survey
from tests.hardware.state import modules
from tests.hardware.trees import write

I5 = "Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz"
ALONE = "ChannelA-DIMM0 8 DDR4 2400"


def named(root: Path, name: str, words: str = NEW) -> None:
    write(root, "proc/cpuinfo", f"processor\t: 0\nmodel name\t: {name}\nflags\t\t: fpu {words}")


def read_at(machine: Survey, gigabytes: float) -> list[Finding]:
    return diagnose(replace(machine, bandwidth=gigabytes * 1e9))


def test_one_module_of_two(tmp_path: Path) -> None:
    modules(laptop_on_battery(tmp_path), ALONE, "ChannelB-DIMM0")
    machine = survey(tmp_path)
    (finding,) = read_at(machine, 16.4)
    assert (finding.id, finding.severity) == ("memory-channel", "warning")
    assert finding.what == (
        "Memory is read at 16.4 GB/s by all cores together. Only one of 2 memory slots is filled "
        "(ChannelA-DIMM0), with 8 GB DDR4 at 2,400 MT/s, and such a channel gives 19.2 GB/s at most."
    )
    assert finding.fix.startswith("Put a second module, 8 GB DDR4, into the empty slot")
    # The firmware's list is wrong, or tells nothing of memory that is soldered.
    assert read_at(machine, 21) == []
    assert diagnose(machine) == []


@pytest.mark.parametrize(
    "slots",
    [
        ["A 8 DDR4 2400"],
        ["A 8 DDR4 2400", "B 4 DDR4 2400"],
        ["A 2 LPDDR4 4266", "B 2 LPDDR4 4266", "C", "D"],
        ["A 8 DDR4 ?", "B"],
        ["A", "B"],
    ],
)
def test_modules_that_show_no_fault(tmp_path: Path, slots: list[str]) -> None:
    modules(laptop_on_battery(tmp_path), *slots)
    assert read_at(survey(tmp_path), 9.0) == []


def test_two_modules_that_may_be_on_one_channel(tmp_path: Path) -> None:
    slots = ["A1 4 DDR3 1600", "A2 4 DDR3 1600", "B1", "B2"]
    modules(desktop(tmp_path), *slots)
    # Of a processor that is not known it is not said.
    assert read_at(survey(tmp_path), 10.0) == []
    named(tmp_path, "Intel(R) Core(TM) i7-4770 CPU @ 3.40GHz")
    (finding,) = read_at(survey(tmp_path), 10.0)
    assert (finding.id, finding.severity) == ("memory-channel", "note")
    assert "2 of 4 memory slots are filled, and one channel alone would give 12.8 GB/s" in finding.what
    assert read_at(survey(tmp_path), 19.0) == []


@pytest.mark.parametrize(
    ("name", "one", "two"),
    [
        ("Intel(R) Core(TM) i5-3320M CPU @ 2.60GHz", 10.9, 19.0),
        ("Intel(R) Core(TM) i5-6500 CPU @ 3.20GHz", 14.5, 19.5),
        (I5, 16.5, 29.0),
        ("Intel(R) Core(TM) i7-10510U CPU @ 1.80GHz", 18.0, 30.0),
        ("11th Gen Intel(R) Core(TM) i5-1135G7 @ 2.40GHz", 21.0, 40.0),
        ("AMD Ryzen 5 3500U with Radeon Vega Mobile Gfx", 16.0, 28.0),
    ],
)
def test_the_speed_alone_makes_it_suspected(tmp_path: Path, name: str, one: float, two: float) -> None:
    """With what one and two channels of their usual memory reach."""
    named(laptop_on_battery(tmp_path), name)
    (finding,) = read_at(survey(tmp_path), one)
    assert (finding.id, finding.severity) == ("memory-channel", "note")
    assert f"read at {one:.1f} GB/s by all cores together" in finding.what
    assert "perhaps only one is in use" in finding.what
    assert "sudo dmidecode --type memory" in finding.fix
    assert read_at(survey(tmp_path), two) == []


@pytest.mark.parametrize(
    "name",
    [
        "Intel(R) Celeron(R) N4020 CPU @ 1.10GHz",
        "Intel(R) Core(TM) i3-N305",
        "Intel(R) N100",
        "Intel(R) Core(TM) i5 CPU       M 520  @ 2.40GHz",
        "AMD A6-9225 RADEON R4, 5 COMPUTE CORES 2C+3G",
        "Raspberry Pi 5 Model B Rev 1.0",
    ],
)
def test_processors_that_may_have_one_channel_are_not_judged(tmp_path: Path, name: str) -> None:
    named(laptop_on_battery(tmp_path), name, OLD + " avx2 f16c fma bmi2 avx")
    assert question(survey(tmp_path)) is None


def quota(root: Path) -> None:
    write(root, "proc/self/cgroup", "0::/")
    write(root, "sys/fs/cgroup/cpu.max", "250000 100000")


@pytest.mark.parametrize(
    "change",
    [
        lambda root: named(root, I5, f"{NEW} hypervisor"),
        lambda root: write(root, "proc/loadavg", "3.10 2.00 1.00 5/400 2345"),
        lambda root: (root / "proc/loadavg").unlink(),
        lambda root: write(root, "sys/devices/system/cpu/online", "0"),
        quota,
    ],
)
def test_where_a_measurement_would_not_tell(tmp_path: Path, change: Callable[[Path], None]) -> None:
    named(laptop_on_battery(tmp_path), I5)
    assert question(survey(tmp_path)) is not None
    change(tmp_path)
    assert question(survey(tmp_path)) is None


def test_few_cores_are_not_taken_for_one_channel(tmp_path: Path) -> None:
    named(laptop_on_battery(tmp_path), I5)
    write(tmp_path, "sys/devices/system/cpu/online", "0-1")
    asked = question(survey(tmp_path))
    assert asked is not None
    assert asked.limit == 16e9


@pytest.mark.parametrize("machine", HEALTHY)
@pytest.mark.parametrize("gigabytes", [3.0, 80.0])
def test_never_on_a_healthy_machine(tmp_path: Path, machine: Callable[[Path], Path], gigabytes: float) -> None:
    assert read_at(survey(machine(tmp_path)), gigabytes) == []
