"""Recorded machines: the files of /proc and /sys that matter, written below a folder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

GIB = 1 << 30


@dataclass(frozen=True)
class Cpu:
    """One logical processor."""

    core: int
    package: int = 0
    max_khz: int | None = None
    capacity: int | None = None


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")


def processors(root: Path, cpus: Iterable[Cpu], flags: str = "", online: str | None = None) -> None:
    cpus = list(cpus)
    base = "sys/devices/system/cpu"
    write(root, f"{base}/online", online or f"0-{len(cpus) - 1}")
    for i, cpu in enumerate(cpus):
        write(root, f"{base}/cpu{i}/topology/core_id", str(cpu.core))
        write(root, f"{base}/cpu{i}/topology/physical_package_id", str(cpu.package))
        if cpu.max_khz is not None:
            write(root, f"{base}/cpu{i}/cpufreq/cpuinfo_max_freq", str(cpu.max_khz))
        if cpu.capacity is not None:
            write(root, f"{base}/cpu{i}/cpu_capacity", str(cpu.capacity))
    write(root, "proc/cpuinfo", "\n\n".join(f"processor\t: {i}\nflags\t\t: fpu {flags}" for i in range(len(cpus))))


def memory(root: Path, total: int, available: int, swap: int = 0) -> None:
    lines = [("MemTotal", total), ("MemFree", available // 2), ("MemAvailable", available), ("Cached", available // 2)]
    lines += [("SwapTotal", swap), ("SwapFree", swap)]
    write(root, "proc/meminfo", "\n".join(f"{name}:  {n_bytes // 1024} kB" for name, n_bytes in lines))


def celeron(root: Path) -> Path:
    """Two cores without AVX, 4 GB, some swap."""
    processors(root, [Cpu(0, max_khz=2800000), Cpu(2, max_khz=2800000)], "sse4_1 sse4_2 popcnt")
    memory(root, 4 * GIB, 2 * GIB, swap=2 * GIB)
    return root


def laptop(root: Path) -> Path:
    """Four cores with two threads each, as in an i5-8250U; the threads of a core are 0 and 4, 1 and 5..."""
    processors(root, [Cpu(i % 4, max_khz=3400000) for i in range(8)], "sse4_2 avx avx2 fma")
    memory(root, 8 * GIB, 5 * GIB)
    return root


def hybrid(root: Path) -> Path:
    """Two performance cores with two threads each and eight efficiency cores, as in an i5-1235U."""
    fast = [Cpu(4 * (i // 2), max_khz=4400000) for i in range(4)]
    slow = [Cpu(8 + i, max_khz=3300000) for i in range(8)]
    processors(root, fast + slow, "sse4_2 avx avx2 avx_vnni")
    memory(root, 16 * GIB, 12 * GIB)
    return root


def phone_board(root: Path) -> Path:
    """Four small and four large ARM cores in two clusters whose cores are numbered alike."""
    processors(root, [Cpu(i % 4, package=i // 4, capacity=430 if i < 4 else 1024) for i in range(8)])
    write(root, "proc/cpuinfo", "processor\t: 0\nFeatures\t: fp asimd asimddp i8mm\n")
    memory(root, 4 * GIB, 3 * GIB)
    return root
