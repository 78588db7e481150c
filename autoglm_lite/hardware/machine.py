"""The Machine: what planning needs to know of the computer, read once."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from autoglm_lite.hardware.cgroups import cpu_quota, memory_limits
from autoglm_lite.hardware.cores import Cores, read_cores, read_features
from autoglm_lite.hardware.devices import Device
from autoglm_lite.hardware.files import read_table


@dataclass(frozen=True, slots=True)
class Machine:
    """What this process may use. Memory in bytes."""

    physical_cores: int
    """Of the fastest kind, within the process's affinity and CPU quota."""
    logical_cores: int
    memory_total: int
    memory_available: int
    """What can be had without swapping; file cache that can be dropped counts as available."""
    swap_total: int = 0
    swap_free: int = 0
    features: frozenset[str] = frozenset()
    """Instruction sets, of: sse4.2, avx, avx2, avx512, dotprod, i8mm."""
    devices: tuple[Device, ...] = ()
    """Graphics cards and other computers; read_machine leaves them out, since only llama.cpp knows them."""


def read_machine(root: Path = Path("/"), affinity: Collection[int] | None = None) -> Machine:
    """Reads /proc and /sys under `root`: this machine, or a recorded one whose process had `affinity`."""
    here = root == Path("/")
    if here and affinity is None and hasattr(os, "sched_getaffinity"):
        affinity = os.sched_getaffinity(0)
    memory = read_table(root / "proc/meminfo")
    cores = read_cores(root, affinity)
    if here and (cores is None or "MemTotal" not in memory):
        return read_with_psutil()
    cores = cores or Cores(1, 1)
    quota = cpu_quota(root) or math.inf
    total = memory.get("MemTotal", 0)
    available = memory.get("MemAvailable", memory.get("MemFree", 0) + memory.get("Cached", 0))
    for limit in memory_limits(root):
        total = min(total, limit.limit)
        available = min(available, max(0, limit.limit - limit.used))
    return Machine(
        physical_cores=_within(cores.physical, quota),
        logical_cores=_within(cores.logical, quota),
        memory_total=total,
        memory_available=available,
        swap_total=memory.get("SwapTotal", 0),
        swap_free=memory.get("SwapFree", 0),
        features=read_features(root),
    )


def _within(cores: int, quota: float) -> int:
    """More threads than the quota has processors stand still for part of each period, all waiting for one."""
    return max(1, min(cores, math.floor(min(quota, cores) + 0.01)))


def read_with_psutil() -> Machine:
    """For systems without Linux's files."""
    import psutil

    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    logical = psutil.cpu_count() or 1
    arm = platform.machine().lower() in ("arm64", "aarch64")
    return Machine(
        physical_cores=psutil.cpu_count(logical=False) or logical,
        logical_cores=logical,
        memory_total=memory.total,
        memory_available=memory.available,
        swap_total=swap.total,
        swap_free=swap.free,
        # Every 64-bit ARM that macOS and Windows run on has dot products, every other such machine of ten years AVX2.
        features=frozenset({"dotprod"} if arm else {"sse4.2", "avx", "avx2"}),
    )
