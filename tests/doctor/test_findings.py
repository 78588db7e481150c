"""Each planted fault is found, by its name and with a fix; healthy machines have none."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from autoglm_lite.doctor import SEVERITIES, Finding, diagnose
from autoglm_lite.doctor.checks import CHECKS
from autoglm_lite.hardware.survey import Survey
from tests.doctor.machines import (
    BUILT_NEW,
    BUILT_OLD,
    HEALTHY,
    NEW,
    OLD,
    desktop,
    flags,
    laptop_on_battery,
    raspberry_pi,
    server,
    survey,
    two_cores,
)
from tests.hardware.state import (
    CPU,
    card,
    churn,
    disk,
    frequency,
    llama_cpp,
    mounts,
    pressure,
    program,
    scarce,
    sensor,
    supply,
    swaps,
)
from tests.hardware.trees import GIB, memory, write

MIB = 1 << 20


def the_finding(machine: Survey) -> Finding:
    """The only one."""
    (finding,) = diagnose(machine)
    assert finding.severity in SEVERITIES
    assert all((finding.what, finding.cost, finding.fix))
    # What is to be typed is one line that a shell can read.
    assert "\n" not in finding.fix
    assert "#" not in finding.fix
    if not finding.fix[0].isupper():
        assert subprocess.run(["sh", "-nc", finding.fix], capture_output=True).returncode == 0
    return finding


@pytest.mark.parametrize("machine", HEALTHY)
def test_nothing_is_found_on_a_healthy_machine(tmp_path: Path, machine: Callable[[Path], Path]) -> None:
    assert diagnose(survey(machine(tmp_path))) == []


def test_a_system_that_says_nothing_has_no_faults(tmp_path: Path) -> None:
    llama_cpp(tmp_path / "lib", *BUILT_OLD)
    assert diagnose(survey(tmp_path)) == []


def test_a_processor_without_avx(tmp_path: Path) -> None:
    finding = the_finding(survey(two_cores(tmp_path)))
    assert (finding.id, finding.severity) == ("processor-no-avx", "warning")
    assert finding.fix == "autoglm-lite convert SOURCE --type Q4_0 --pure"


def test_a_processor_without_avx2(tmp_path: Path) -> None:
    desktop(tmp_path)
    flags(tmp_path, f"{OLD} avx")
    llama_cpp(tmp_path / "lib", *BUILT_OLD, "avx")
    finding = the_finding(survey(tmp_path))
    assert (finding.id, finding.severity) == ("processor-no-avx2", "note")


def test_a_build_for_a_newer_processor(tmp_path: Path) -> None:
    two_cores(tmp_path)
    llama_cpp(tmp_path / "lib", *BUILT_NEW)
    worst = diagnose(survey(tmp_path))[0]
    assert (worst.id, worst.severity, worst.fix) == ("build-foreign", "error", "./install.sh")
    assert "avx, avx2, bmi2, f16c, fma, which this one lacks" in worst.what


def test_a_build_that_leaves_the_processor_unused(tmp_path: Path) -> None:
    desktop(tmp_path)
    llama_cpp(tmp_path / "lib", *BUILT_OLD)
    finding = the_finding(survey(tmp_path))
    assert (finding.id, finding.fix) == ("build-plain", "./install.sh")
    assert "without avx, avx2, f16c, fma, which" in finding.what
    raspberry_pi(tmp_path / "pi")
    llama_cpp(tmp_path / "pi/lib", "neon")
    assert "without dotprod" in the_finding(survey(tmp_path / "pi")).what


def test_a_build_that_leaves_out_what_brings_little(tmp_path: Path) -> None:
    desktop(tmp_path)
    flags(tmp_path, f"{NEW} avx512f amx_int8")
    assert diagnose(survey(tmp_path)) == []


def test_instructions_that_an_old_kernel_does_not_name_are_no_fault(tmp_path: Path) -> None:
    desktop(tmp_path)
    llama_cpp(tmp_path / "lib", *BUILT_NEW, "avx_vnni")
    assert diagnose(survey(tmp_path)) == []


def test_no_llama_cpp(tmp_path: Path) -> None:
    desktop(tmp_path)
    (tmp_path / "lib/libggml-cpu.so").unlink()
    assert the_finding(survey(tmp_path)).id == "build-missing"


def test_the_lowest_frequency_on_mains(tmp_path: Path) -> None:
    desktop(tmp_path)
    frequency(tmp_path, "acpi-cpufreq", "powersave")
    finding = the_finding(survey(tmp_path))
    assert (finding.id, finding.severity) == ("governor", "warning")
    assert finding.fix == f"echo performance | sudo tee /{CPU}/cpu*/cpufreq/scaling_governor"


def test_saving_energy_on_mains(tmp_path: Path) -> None:
    laptop_on_battery(tmp_path)
    supply(tmp_path, "AC", "Mains", online="1")
    finding = the_finding(survey(tmp_path))
    assert (finding.id, finding.severity) == ("governor", "note")
    assert finding.fix == f"echo balance_performance | sudo tee /{CPU}/cpu*/cpufreq/energy_performance_preference"


def test_heat_now(tmp_path: Path) -> None:
    desktop(tmp_path)
    sensor(tmp_path, 97)
    finding = the_finding(survey(tmp_path))
    assert (finding.id, finding.severity) == ("heat", "warning")
    assert "at 97 °C and is switched off at 100 °C" in finding.what


@pytest.mark.parametrize(("count", "times"), [("1", "once"), ("1234", "1,234 times")])
def test_heat_since_the_start(tmp_path: Path, count: str, times: str) -> None:
    desktop(tmp_path)
    write(tmp_path, f"{CPU}/cpu1/thermal_throttle/package_throttle_count", count)
    finding = the_finding(survey(tmp_path))
    assert (finding.id, finding.severity) == ("heat", "note")
    assert f"slowed the processor {times} since" in finding.what


@pytest.mark.parametrize(("bits", "found"), [("50000", ["voltage", "heat"]), ("1", ["voltage"]), ("40000", ["heat"])])
def test_what_a_raspberry_pi_suffers_from(tmp_path: Path, bits: str, found: list[str]) -> None:
    raspberry_pi(tmp_path)
    write(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", bits)
    assert [finding.id for finding in diagnose(survey(tmp_path))] == found


def test_memory_is_short_now(tmp_path: Path) -> None:
    scarce(desktop(tmp_path))
    pressure(tmp_path, 40, 12)
    finding = the_finding(survey(tmp_path))
    assert finding.id == "memory-pressure"
    assert "waited for it 40 % of the time, for 12 % all of them" in finding.what
    assert finding.what.endswith("The largest program is gnome-shell.")
    assert finding.fix == "kill 2000"


def test_a_little_waiting_is_no_fault(tmp_path: Path) -> None:
    desktop(tmp_path)
    pressure(tmp_path, 2.5)
    assert diagnose(survey(tmp_path)) == []


@pytest.mark.parametrize(
    ("some", "pages", "found"),
    [
        (6, 5000, True),
        (6, 500, False),
        (3, 5000, False),
        # The second look is not taken.
        (0.5, 5000, False),
        (None, 5000, True),
        (None, 2000, False),
    ],
)
def test_files_that_are_read_again_and_again(tmp_path: Path, some: float | None, pages: int, found: bool) -> None:
    churn(desktop(tmp_path), some, pages)
    scarce(tmp_path)
    if not found:
        assert diagnose(survey(tmp_path)) == []
        return
    finding = the_finding(survey(tmp_path))
    assert (finding.id, finding.severity) == ("memory-churn", "warning")
    assert "dropped from memory and read again at once, 20 MB/s now" in finding.what
    assert ("programs wait for memory 6 % of the time" in finding.what) is (some is not None)
    assert finding.fix == "kill 2000"


def test_what_keeps_files_in_memory(tmp_path: Path) -> None:
    churn(server(tmp_path), 8, 50_000)
    scarce(tmp_path)
    assert the_finding(survey(tmp_path)).fix.startswith("sudo modprobe zram")
    swaps(tmp_path, "/dev/sda2 partition 4194304 0 -2", swappiness=1)
    assert the_finding(survey(tmp_path)).fix == "sudo sysctl vm.swappiness=60"
    swaps(tmp_path, "/dev/zram0 partition 4194304 0 100", swappiness=20)
    assert [finding.id for finding in diagnose(survey(tmp_path))] == ["memory-churn", "swappiness"]


def test_shortage_within_a_control_group(tmp_path: Path) -> None:
    """Half of the memory holds nothing: no program need be closed, and more swap would change nothing."""
    churn(server(tmp_path), 30, 50_000)
    pressed, churned = diagnose(survey(tmp_path))
    assert (pressed.id, churned.id) == ("memory-pressure", "memory-churn")
    assert pressed.what.startswith("Memory is short now in a control group: in the last")
    assert pressed.what.endswith("of the time.")
    assert "dropped from memory within a control group" in churned.what
    assert pressed.fix == churned.fix
    assert "systemd-cgtop -m" in churned.fix
    write(tmp_path, "sys/fs/cgroup/memory.max", str(2 * GIB))
    *_, limit = diagnose(survey(tmp_path))
    assert limit.id == "memory-limit"
    assert {finding.fix for finding in diagnose(survey(tmp_path))} == {limit.fix}


def test_what_an_older_kernel_counts(tmp_path: Path) -> None:
    churn(desktop(tmp_path), 6, 0)
    write(tmp_path, "proc/vmstat", "workingset_refault 1000\npgmajfault 7")
    write(tmp_path, "later/proc/vmstat", "workingset_refault 6000\npgmajfault 9")
    assert the_finding(survey(tmp_path)).id == "memory-churn"


def test_a_container_of_little_memory_and_time(tmp_path: Path) -> None:
    server(tmp_path)
    write(tmp_path, "sys/fs/cgroup/memory.max", str(2 * GIB))
    write(tmp_path, "sys/fs/cgroup/memory.current", str(GIB // 2))
    write(tmp_path, "sys/fs/cgroup/cpu.max", "250000 100000")
    time, room = diagnose(survey(tmp_path))
    assert (time.id, room.id) == ("processor-limit", "memory-limit")
    assert "2.5 of 16 processors" in time.what
    assert "allows this process 2.1 GB of the 68.7 GB" in room.what
    assert time.fix == "docker update --cpus 16 CONTAINER"
    assert room.fix == f"docker update --memory {64 * GIB} --memory-swap -1 CONTAINER"
    assert "on its host" in time.cost
    assert "on its host" in room.cost


@pytest.mark.parametrize("name", ["memory.max", "memory.high"])
def test_a_group_of_the_session(tmp_path: Path, name: str) -> None:
    desktop(tmp_path)
    write(tmp_path, "proc/self/cgroup", "0::/user.slice/app.scope")
    write(tmp_path, "sys/fs/cgroup/user.slice/app.scope/memory.max", "max")
    write(tmp_path, f"sys/fs/cgroup/user.slice/{name}", str(3 * GIB))
    finding = the_finding(survey(tmp_path))
    assert finding.id == "memory-limit"
    assert "host" not in finding.cost
    assert finding.fix == f"echo max | sudo tee {tmp_path}/sys/fs/cgroup/user.slice/{name}"


def test_groups_of_the_first_version(tmp_path: Path) -> None:
    desktop(tmp_path)
    write(tmp_path, "proc/self/cgroup", "5:memory:/a\n4:cpu:/a")
    write(tmp_path, "sys/fs/cgroup/memory/a/memory.limit_in_bytes", str(GIB))
    write(tmp_path, "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712")
    write(tmp_path, "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "50000")
    write(tmp_path, "sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000")
    time, room = diagnose(survey(tmp_path))
    assert time.fix == f"echo -1 | sudo tee {tmp_path}/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us"
    assert room.fix == f"echo -1 | sudo tee {tmp_path}/sys/fs/cgroup/memory/a/memory.limit_in_bytes"


def hard_disk(root: Path) -> None:
    disk(root, "sdb", rotational=1, partition="sdb1", numbers="8:17", bus="ata2")


def test_swap_on_a_hard_disk(tmp_path: Path) -> None:
    laptop_on_battery(tmp_path)
    hard_disk(tmp_path)
    swaps(tmp_path, "/dev/sdb1 partition 4194304 0 -2")
    finding = the_finding(survey(tmp_path))
    assert (finding.id, finding.severity) == ("swap-slow", "warning")
    assert finding.fix.startswith("sudo modprobe zram; device=$(sudo zramctl --find --size 4096M) && sudo mkswap")


@pytest.mark.parametrize("before", ["zram", "zswap"])
def test_compressed_memory_before_a_hard_disk_is_well(tmp_path: Path, before: str) -> None:
    laptop_on_battery(tmp_path)
    hard_disk(tmp_path)
    zram = ["/dev/zram0 partition 2097152 0 100"] if before == "zram" else []
    write(tmp_path, "sys/module/zswap/parameters/enabled", "Y" if before == "zswap" else "N")
    swaps(tmp_path, "/dev/sdb1 partition 4194304 0 -2", *zram, swappiness=150)
    assert diagnose(survey(tmp_path)) == []


def test_compressed_memory_after_a_hard_disk_is_not(tmp_path: Path) -> None:
    laptop_on_battery(tmp_path)
    hard_disk(tmp_path)
    swaps(tmp_path, "/dev/sdb1 partition 4194304 0 10", "/dev/zram0 partition 2097152 0 5", swappiness=150)
    assert the_finding(survey(tmp_path)).id == "swap-slow"


@pytest.mark.parametrize(
    ("zswap", "fix"),
    [
        ("N", "echo 1 | sudo tee /sys/module/zswap/parameters/enabled"),
        (None, "sudo modprobe zram; device=$(sudo zramctl --find --size 4096M)"),
    ],
)
def test_swap_that_nothing_compresses(tmp_path: Path, zswap: str | None, fix: str) -> None:
    laptop_on_battery(tmp_path)
    swaps(tmp_path, "/dev/sda2 partition 4194304 0 -2")
    if zswap:
        write(tmp_path, "sys/module/zswap/parameters/enabled", zswap)
    finding = the_finding(survey(tmp_path))
    assert (finding.id, finding.severity) == ("swap-plain", "note")
    assert finding.fix.startswith(fix)
    # With much memory it hardly matters.
    memory(tmp_path, 32 * GIB, 20 * GIB)
    assert diagnose(survey(tmp_path)) == []


def test_no_swap_on_a_small_machine(tmp_path: Path) -> None:
    laptop_on_battery(tmp_path)
    swaps(tmp_path)
    finding = the_finding(survey(tmp_path))
    assert (finding.id, finding.severity) == ("swap-missing", "warning")
    assert "neither" not in finding.what
    assert "the memory is 8.6 GB" in finding.what


def test_swappiness_for_disks_with_zram(tmp_path: Path) -> None:
    laptop_on_battery(tmp_path)
    swaps(tmp_path, "/dev/zram0 partition 2097152 0 100", swappiness=10)
    finding = the_finding(survey(tmp_path))
    assert (finding.id, finding.fix) == ("swappiness", "sudo sysctl vm.swappiness=150")


def test_large_programs_where_memory_is_wanted(tmp_path: Path) -> None:
    laptop_on_battery(tmp_path)
    for pid in (51, 50):
        program(tmp_path, pid, "firefox", 800 * MIB)
    program(tmp_path, 7, "mysqld", 1200 * MIB, user=27)
    assert diagnose(survey(tmp_path)) == []
    memory(tmp_path, 8 * GIB, 3 * GIB)
    finding = the_finding(survey(tmp_path))
    assert finding.id == "memory-programs"
    assert "held by firefox (1.7 GB), mysqld (1.3 GB)" in finding.what
    assert finding.fix == "sudo kill 50 7"


@pytest.mark.parametrize(("free", "severity"), [(4e9, "note"), (4e8, "warning")])
def test_little_free_disk(tmp_path: Path, free: float, severity: str) -> None:
    machine = survey(desktop(tmp_path))
    finding = the_finding(replace(machine, store=replace(machine.store, free=int(free))))
    assert (finding.id, finding.severity) == ("disk-full", severity)
    assert diagnose(replace(machine, store=replace(machine.store, free=int(6e9)))) == []


def test_models_on_a_hard_disk(tmp_path: Path) -> None:
    desktop(tmp_path)
    hard_disk(tmp_path)
    mounts(tmp_path, "8:1 / ext4 /dev/sda1", "8:17 /home ext4 /dev/sdb1")
    finding = the_finding(survey(tmp_path))
    assert (finding.id, finding.severity) == ("disk-slow", "note")
    assert "sdb1, a rotating disk" in finding.what


def test_models_on_other_slow_disks(tmp_path: Path) -> None:
    raspberry_pi(tmp_path)
    sd = disk(tmp_path, "mmcblk0", rotational=0, partition="mmcblk0p2", numbers="179:2", bus="soc/mmc0")
    mounts(tmp_path, "179:2 / ext4 /dev/mmcblk0p2")
    write(sd, "device/type", "MMC")
    assert diagnose(survey(tmp_path)) == []
    write(sd, "device/type", "SD")
    finding = the_finding(survey(tmp_path))
    assert (finding.id, finding.severity) == ("disk-slow", "note")
    assert "are on mmcblk0p2, an SD card." in finding.what
    stick = disk(tmp_path, "sdb", rotational=1, partition="sdb1", numbers="8:17", bus="usb1/1-1")
    mounts(tmp_path, "8:17 / ext4 /dev/sdb1")
    for speed, found in (("5000", []), ("480", ["disk-slow"])):
        write(stick.parents[1], "speed", speed)
        assert [finding.id for finding in diagnose(survey(tmp_path))] == found
    mounts(tmp_path, "0:50 / nfs4 nas:/home")
    assert "are on a disk, that of another machine." in the_finding(survey(tmp_path)).what


@pytest.mark.parametrize(
    ("release", "fix"),
    [
        ("ID=ubuntu\nID_LIKE=debian", "sudo ubuntu-drivers install"),
        ('ID="debian"', "sudo apt-get install nvidia-driver"),
        ("ID=nixos", "Install NVIDIA's driver with this system's package manager"),
    ],
)
@pytest.mark.parametrize("driver", [None, "nouveau"])
def test_a_card_without_its_driver(tmp_path: Path, release: str, fix: str, driver: str | None) -> None:
    desktop(tmp_path)
    write(tmp_path, "etc/os-release", f"NAME=x\n{release}")
    card(tmp_path, "0000:00:01.0", "0000:01:00.0", driver=driver)
    finding = the_finding(survey(tmp_path))
    assert (finding.id, finding.severity) == ("graphics-driver", "warning")
    assert "NVIDIA graphics card at 0000:01:00.0" in finding.what
    assert finding.fix.startswith(fix)


def test_a_card_that_llama_cpp_was_not_built_for(tmp_path: Path) -> None:
    desktop(tmp_path)
    card(tmp_path, "0000:00:01.0", "0000:01:00.0", driver="nvidia")
    assert the_finding(survey(tmp_path)).id == "graphics-unused"
    llama_cpp(tmp_path / "lib", backends=("vulkan",))
    llama_cpp(tmp_path / "lib", *BUILT_NEW)
    assert diagnose(survey(tmp_path)) == []


@pytest.mark.parametrize(("vram", "found"), [(8 * GIB, ["graphics-unused"]), (GIB // 2, [])])
def test_graphics_in_the_processor_are_not_worth_a_build(tmp_path: Path, vram: int, found: list[str]) -> None:
    desktop(tmp_path)
    write(card(tmp_path, "0000:03:00.0", vendor="0x1002", driver="amdgpu"), "mem_info_vram_total", str(vram))
    assert [finding.id for finding in diagnose(survey(tmp_path))] == found


def test_a_card_kept_for_a_virtual_machine(tmp_path: Path) -> None:
    desktop(tmp_path)
    card(tmp_path, "0000:00:01.0", "0000:01:00.0", driver="vfio-pci")
    assert diagnose(survey(tmp_path)) == []


@pytest.mark.parametrize(
    ("width", "speed", "found"),
    [
        ((16, 16, 16), (8.0, 8.0, 8.0), None),
        ((4, 16, 16), (8.0, 8.0, 8.0), "graphics-link-width"),
        ((16, 16, 16), (5.0, 8.0, 16.0), "graphics-link-speed"),
        # So fast are the links of most cards that have nothing to do.
        ((16, 16, 16), (2.5, 8.0, 16.0), None),
        # A slot, or a laptop, of four lanes gives what it has.
        ((4, 16, 4), (8.0, 16.0, 8.0), None),
    ],
)
def test_links(
    tmp_path: Path, width: tuple[int, int, int], speed: tuple[float, float, float], found: str | None
) -> None:
    desktop(tmp_path)
    llama_cpp(tmp_path / "lib", *BUILT_NEW, backends=("cuda",))
    card(tmp_path, "0000:00:01.0", "0000:01:00.0", driver="nvidia", width=width, speed=speed)
    if found is None:
        assert diagnose(survey(tmp_path)) == []
    else:
        finding = the_finding(survey(tmp_path))
        assert finding.id == found
        assert ("4 of 16 PCIe lanes" if "width" in found else "5 of 8 GT/s") in finding.what


def test_the_administrator_needs_no_sudo(tmp_path: Path) -> None:
    laptop_on_battery(tmp_path)
    swaps(tmp_path)
    write(tmp_path, "proc/self/status", "Uid:\t1000\t0\t0\t0")
    assert the_finding(survey(tmp_path)).fix.startswith("modprobe zram; device=$(zramctl --find")


def test_the_worst_comes_first(tmp_path: Path) -> None:
    two_cores(tmp_path)
    llama_cpp(tmp_path / "lib", *BUILT_NEW)
    swaps(tmp_path, "/dev/zram0 partition 2097152 0 100", swappiness=10)
    assert [finding.severity for finding in diagnose(survey(tmp_path))] == ["error", "warning", "note"]


def test_every_check_is_in_the_manual() -> None:
    manual = (Path(__file__).parents[2] / "docs/doctor.md").read_text(encoding="utf-8")
    source = Path(__file__).parents[2] / "autoglm_lite/doctor"
    ids = {part.split('"')[0] for file in source.glob("*.py") for part in file.read_text().split(' id="')[1:]}
    assert len(ids) > len(CHECKS) - 1
    assert {name for name in ids if f"| `{name}` |" not in manual} == set()
