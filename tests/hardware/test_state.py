"""Disks, swap, power, cards and programs of recorded machines."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autoglm_lite.hardware.disks import read_disk
from autoglm_lite.hardware.files import entries, exists
from autoglm_lite.hardware.graphics import Link, read_graphics
from autoglm_lite.hardware.power import read_power
from autoglm_lite.hardware.pressure import Pressure, read_pressure
from autoglm_lite.hardware.programs import Program, processes_with_psutil, read_programs
from autoglm_lite.hardware.swap import SwapDevice, read_swap
from tests.hardware.state import CPU, card, disk, frequency, link, mounts, pressure, program, sensor, supply, swaps
from tests.hardware.trees import write

MODELS = Path("/home/ana/models")
MIB = 1 << 20


@pytest.mark.parametrize("rotational", [0, 1])
def test_the_disk_of_a_partition(tmp_path: Path, rotational: int) -> None:
    disk(tmp_path, "sda", rotational=rotational, partition="sda1")
    mounts(tmp_path, "8:1 / ext4 /dev/sda1", "0:5 /proc proc proc")
    found = read_disk(MODELS, tmp_path)
    assert (found.device, found.rotating, found.free) == ("sda1", rotational == 1, None)


def test_the_innermost_mount_counts_and_the_later_of_two(tmp_path: Path) -> None:
    disk(tmp_path, "sda", rotational=1, partition="sda1", numbers="8:1")
    disk(tmp_path, "sdb", rotational=1, partition="sdb1", numbers="8:17", bus="ata2")
    disk(tmp_path, "nvme0n1", rotational=0, partition="nvme0n1p1", numbers="259:1", bus="nvme")
    mounts(tmp_path, "8:1 / ext4 /dev/sda1", "8:17 /home ext4 /dev/sdb1", "259:1 /home ext4 /dev/nvme0n1p1")
    assert read_disk(MODELS, tmp_path).device == "nvme0n1p1"
    assert read_disk(Path("/homely"), tmp_path).device == "sda1"


def test_a_folder_with_a_space_and_a_chinese_name(tmp_path: Path) -> None:
    disk(tmp_path, "sda", rotational=1, partition="sda1")
    mounts(tmp_path, r"8:1 /大\040模型 ext4 /dev/sda1")
    assert read_disk(Path("/大 模型/x"), tmp_path).rotating is True


def test_a_btrfs_is_on_its_source(tmp_path: Path) -> None:
    disk(tmp_path, "sda", rotational=1, partition="sda1")
    mounts(tmp_path, "0:31 / btrfs /dev/sda1")
    assert read_disk(MODELS, tmp_path).rotating is True


@pytest.mark.parametrize(("kinds", "rotating"), [([0, 0], False), ([0, 1], True)])
def test_an_encrypted_or_joined_disk_is_as_those_below_it(tmp_path: Path, kinds: list[int], rotating: bool) -> None:
    below = [disk(tmp_path, f"sd{i}", rotational=kind, numbers=f"8:{i}", bus=f"ata{i}") for i, kind in enumerate(kinds)]
    top = disk(tmp_path, "dm-0", rotational=0, numbers="253:0", bus="virtual")
    for folder in below:
        link(top / "slaves" / folder.name, folder)
    mounts(tmp_path, "253:0 / ext4 /dev/mapper/root")
    assert read_disk(MODELS, tmp_path).rotating is rotating


@pytest.mark.parametrize(
    ("name", "bus", "vendor"), [("vda", "virtio0", ""), ("sda", "usb1/1-1", ""), ("sda", "x", "QEMU")]
)
def test_disks_that_only_say_that_they_rotate(tmp_path: Path, name: str, bus: str, vendor: str) -> None:
    folder = disk(tmp_path, name, rotational=1, bus=bus)
    write(folder, "device/vendor", vendor)
    mounts(tmp_path, f"8:1 / ext4 /dev/{name}")
    assert read_disk(MODELS, tmp_path).rotating is None


def test_a_file_system_in_memory_has_no_disk(tmp_path: Path) -> None:
    mounts(tmp_path, "0:40 / overlay overlay")
    found = read_disk(MODELS, tmp_path)
    assert (found.device, found.rotating) == (None, None)


def test_what_one_may_not_look_at_is_not_known() -> None:
    too_long = Path("/" + "x" * 5000)
    assert (exists(too_long), entries(too_long)) == (False, None)


def test_the_disk_here() -> None:
    assert (read_disk(Path("/nowhere/yet"), Path("/")).free or 0) > 0


def test_swap_devices(tmp_path: Path) -> None:
    disk(tmp_path, "sda", rotational=1, partition="sda2", numbers="8:2")
    mounts(tmp_path, "8:2 / ext4 /dev/sda2")
    write(tmp_path, "sys/module/zswap/parameters/enabled", "Y")
    swaps(
        tmp_path,
        "/dev/zram0 partition 1024 8 100",
        "/dev/sda2 partition 2048 0 -2",
        "/swapfile file 4096 0 -3",
        swappiness=180,
    )
    swap = read_swap(tmp_path)
    assert swap.devices == (
        SwapDevice("/dev/zram0", MIB, 8192, 100, True, False),
        SwapDevice("/dev/sda2", 2 * MIB, 0, -2, False, True),
        SwapDevice("/swapfile", 4 * MIB, 0, -3, False, True),
    )
    assert (swap.zswap, swap.swappiness) == (True, 180)


def test_no_swap_is_not_an_unknown_one(tmp_path: Path) -> None:
    assert read_swap(tmp_path).devices is None
    swaps(tmp_path)
    assert read_swap(tmp_path).devices == ()


def test_mains_and_battery(tmp_path: Path) -> None:
    assert read_power(tmp_path).on_mains is None
    supply(tmp_path, "hidpp_battery_0", "Battery", scope="Device", status="Discharging")
    assert read_power(tmp_path).on_mains is True
    supply(tmp_path, "BAT0", "Battery", status="Discharging")
    supply(tmp_path, "AC", "Mains", online="0")
    assert read_power(tmp_path).on_mains is False
    supply(tmp_path, "AC", "Mains", online="1")
    assert read_power(tmp_path).on_mains is True


@pytest.mark.parametrize(("status", "on_mains"), [("Full", True), ("Charging", True), ("Discharging", False)])
def test_a_battery_alone(tmp_path: Path, status: str, on_mains: bool) -> None:
    supply(tmp_path, "BAT0", "Battery", status=status)
    assert read_power(tmp_path).on_mains is on_mains


def test_frequency_and_heat(tmp_path: Path) -> None:
    frequency(tmp_path, "intel_pstate", "powersave", "balance_performance")
    sensor(tmp_path, 61.5, 105)
    write(tmp_path, "sys/class/hwmon/hwmon0/name", "coretemp")
    write(tmp_path, "sys/class/hwmon/hwmon0/temp1_input", "58000")
    for i, count in enumerate((3, 7)):
        write(tmp_path, f"{CPU}/cpu{i}/thermal_throttle/core_throttle_count", str(count))
    power = read_power(tmp_path)
    assert (power.driver, power.governor, power.energy_preference) == (
        "intel_pstate",
        "powersave",
        "balance_performance",
    )
    assert (power.temperature, power.temperature_limit, power.throttled) == (61.5, 105.0, 7)


def test_a_sensor_of_something_else(tmp_path: Path) -> None:
    sensor(tmp_path, 95, kind="iwlwifi_1")
    assert read_power(tmp_path).temperature is None


def test_a_raspberry_pi_tells_its_faults(tmp_path: Path) -> None:
    write(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", "50005")
    assert read_power(tmp_path).pi_faults == 0x50005


def test_pressure(tmp_path: Path) -> None:
    assert read_pressure(tmp_path) == Pressure(None, None, None, None)
    pressure(tmp_path, 12.5, 3)
    assert read_pressure(tmp_path) == Pressure(12.5, 3.0, 3.0, 7)


def test_programs_are_added_up_by_name(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/status", "Uid:\t1000\t1000\t1000\t1000")
    program(tmp_path, 1, "init", 900 * MIB)
    for pid in (30, 20, 25):
        program(tmp_path, pid, "firefox", 200 * MIB)
    program(tmp_path, 7, "Isolated Web", 300 * MIB, user=0)
    write(tmp_path, "proc/2/status", "Name:\tkthreadd\nUid:\t0")
    assert read_programs(tmp_path) == (
        Program("firefox", 20, 3, 600 * MIB, True),
        Program("Isolated Web", 7, 1, 300 * MIB, False),
    )


def test_a_program_whose_name_would_command_the_terminal(tmp_path: Path) -> None:
    program(tmp_path, 5, "\x1b[2Jx", MIB)
    assert [found.name for found in read_programs(tmp_path)] == ["?[2Jx"]


def test_programs_where_there_is_no_proc() -> None:
    (here,) = [process for process in processes_with_psutil() if process.pid == os.getpid()]
    assert here.memory > MIB
    assert here.name


def test_this_program_is_not_one_of_the_largest() -> None:
    programs = read_programs(Path("/"))
    assert os.getpid() not in [program.pid for program in programs]
    assert [program.memory for program in programs] == sorted((p.memory for p in programs), reverse=True)


def test_a_card_behind_a_switch(tmp_path: Path) -> None:
    folder = card(tmp_path, "0000:00:01.0", "0000:01:00.0", "0000:02:00.0", vendor="0x1002", width=(16, 16, 16))
    write(folder, "mem_info_vram_total", str(8 << 30))
    port = folder.parent.parent
    write(port, "max_link_width", "16")
    write(port, "max_link_speed", "16.0 GT/s PCIe")
    write(folder.parent, "current_link_width", "4")
    write(folder.parent, "current_link_speed", "2.5 GT/s PCIe")
    (found,) = read_graphics(tmp_path)
    assert (found.vendor, found.driver, found.memory) == ("AMD", None, 8 << 30)
    assert found.links == (Link(16, 16, 8.0, 8.0), Link(4, 16, 2.5, 8.0))


def test_a_card_in_the_processor_has_no_link(tmp_path: Path) -> None:
    folder = card(tmp_path, "0000:00:02.0", vendor="0x8086", driver="i915")
    write(folder, "max_link_width", "255")
    write(folder, "max_link_speed", "Unknown")
    (found,) = read_graphics(tmp_path)
    assert (found.driver, found.links) == ("i915", ())


def test_screens_of_servers_and_of_virtual_machines_are_no_cards(tmp_path: Path) -> None:
    card(tmp_path, "0000:00:02.0", vendor="0x1234")
    card(tmp_path, "0000:00:03.0", kind="0x020000")
    assert read_graphics(tmp_path) == ()
