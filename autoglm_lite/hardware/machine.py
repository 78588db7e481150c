"""The Machine: what planning needs to know of the computer, read once."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from autoglm_lite.hardware.cgroups import cpu_quota
from autoglm_lite.hardware.cores import Cores, read_cores, read_features
from autoglm_lite.hardware.devices import Device
from autoglm_lite.hardware.processor import Processor, read_processor
from autoglm_lite.hardware.room import Room, read_room

_ARM = ("arm64", "aarch64")


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
    cpus: tuple[int, ...] = ()
    """A processor on each core of the fastest kind, whatever the quota; empty where they cannot be told apart."""
    architecture: str = ""
    """x86 or arm; empty for others."""
    processor: str = ""
    """Its name, or that of the board where the processor has none; empty where unknown."""
    devices: tuple[Device, ...] = ()
    """Graphics cards and other computers; read_machine leaves them out, since only llama.cpp knows them."""


def read_machine(root: Path = Path("/"), affinity: Collection[int] | None = None) -> Machine:
    """Reads /proc and /sys under `root`: this machine, or a recorded one whose process had `affinity`."""
    here = root == Path("/")
    if here and affinity is None and hasattr(os, "sched_getaffinity"):
        affinity = os.sched_getaffinity(0)
    room, cores = read_room(root), read_cores(root, affinity)
    if here and (cores is None or room is None):
        return read_with_psutil()
    room, cores = room or Room(0, 0, 0, 0, limited=False), cores or Cores((0,), 1)
    quota = cpu_quota(root) or math.inf
    processor = read_processor(root)
    return Machine(
        physical_cores=_within(len(cores.physical), quota),
        logical_cores=_within(cores.logical, quota),
        memory_total=room.total,
        memory_available=room.available,
        swap_total=room.swap_total,
        swap_free=room.swap_free,
        features=read_features(root),
        cpus=cores.physical,
        architecture=_architecture(processor),
        processor=processor.name or "",
    )


def _architecture(processor: Processor) -> str:
    if processor.x86:
        return "x86"
    return "arm" if processor.words & {"asimd", "neon"} else ""


def _within(cores: int, quota: float) -> int:
    """More threads than the quota has processors stand still for part of each period, all waiting for one."""
    return max(1, min(cores, math.floor(min(quota, cores) + 0.01)))


def read_with_psutil() -> Machine:
    """For systems without Linux's files."""
    import psutil

    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    logical = psutil.cpu_count() or 1
    arm = platform.machine().lower() in _ARM
    return Machine(
        physical_cores=psutil.cpu_count(logical=False) or logical,
        logical_cores=logical,
        memory_total=memory.total,
        memory_available=memory.available,
        swap_total=swap.total,
        swap_free=swap.free,
        # Every 64-bit ARM that macOS and Windows run on has dot products, every other such machine of ten years AVX2.
        features=frozenset({"dotprod"} if arm else {"sse4.2", "avx", "avx2"}),
        architecture="arm" if arm else "x86",
        processor=platform.processor(),
    )
