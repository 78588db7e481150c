"""Whole recorded machines for the doctor: healthy ones, each of its kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from autoglm_lite.hardware.survey import Survey, read_survey
from tests.hardware.state import disk, frequency, llama_cpp, mounts, pressure, program, sensor, supply, swaps
from tests.hardware.trees import GIB, Cpu, celeron, hybrid, laptop, memory, phone_board, processors, write

MODELS = Path("/home/ana/.local/share/autoglm-lite/models")
OLD = "pni ssse3 sse4_1 sse4_2"
NEW = f"{OLD} avx f16c fma bmi2 avx2"
BUILT_OLD = ("sse3", "ssse3")
BUILT_NEW = (*BUILT_OLD, "avx", "f16c", "fma", "bmi2", "avx2")


def survey(root: Path) -> Survey:
    """What is read of a recorded machine, whose llama.cpp lies in `lib`."""
    return read_survey(MODELS, root / "lib", root)


def around(root: Path) -> None:
    """What healthy machines have in common: a solid-state disk, zram, a cool processor, and idle programs."""
    disk(root, "sda", rotational=0, partition="sda1")
    mounts(root, "8:1 / ext4 /dev/sda1", "0:5 /proc proc proc")
    swaps(root, "/dev/zram0 partition 2097152 0 100", swappiness=150)
    frequency(root, "acpi-cpufreq", "schedutil")
    (root / "sys/class/power_supply").mkdir(parents=True)
    sensor(root, 48)
    pressure(root, 0)
    write(root, "proc/loadavg", "0.35 0.20 0.10 1/400 2345")
    write(root, "proc/self/status", "Uid:\t1000\t1000\t1000\t1000")
    program(root, 2000, "gnome-shell", 150 << 20)
    write(root, "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "0")


def flags(root: Path, words: str) -> None:
    write(root, "proc/cpuinfo", f"processor\t: 0\nmodel name\t: Made Up @ 1.10GHz\nflags\t\t: fpu {words}")


def laptop_on_battery(root: Path) -> Path:
    """4C/8T i5: intel_pstate's powersave is its usual governor, and saving energy is right on battery."""
    around(laptop(root))
    flags(root, NEW)
    frequency(root, "intel_pstate", "powersave", "power")
    supply(root, "BAT0", "Battery", status="Discharging")
    supply(root, "AC", "Mains", online="0")
    llama_cpp(root / "lib", *BUILT_NEW)
    return root


def desktop(root: Path) -> Path:
    """P/E hybrid on mains."""
    around(hybrid(root))
    flags(root, NEW)
    frequency(root, "intel_pstate", "powersave", "balance_performance")
    llama_cpp(root / "lib", *BUILT_NEW)
    return root


def raspberry_pi(root: Path) -> Path:
    around(phone_board(root))
    write(
        root,
        "proc/cpuinfo",
        "processor\t: 0\nFeatures\t: fp asimd asimddp\n\nModel\t\t: Raspberry Pi 5 Model B Rev 1.0",
    )
    write(root, "sys/devices/platform/soc/soc:firmware/get_throttled", "0")
    llama_cpp(root / "lib", "neon", "dotprod")
    return root


def two_cores(root: Path) -> Path:
    """A Celeron without AVX; its llama.cpp is built for it."""
    around(celeron(root))
    flags(root, OLD)
    llama_cpp(root / "lib", *BUILT_OLD)
    return root


def server(root: Path) -> Path:
    """Much memory and no swap at all, in a container without limits."""
    processors(root, [Cpu(i) for i in range(16)])
    memory(root, 64 * GIB, 50 * GIB)
    around(root)
    flags(root, NEW)
    swaps(root)
    write(root, "proc/self/cgroup", "0::/")
    write(root, "sys/fs/cgroup/memory.max", "max")
    write(root, "sys/fs/cgroup/cpu.max", "max 100000")
    llama_cpp(root / "lib", *BUILT_NEW)
    return root


HEALTHY: tuple[Callable[[Path], Path], ...] = (laptop_on_battery, desktop, raspberry_pi, server)
