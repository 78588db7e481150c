"""The machine and its state as the doctor sees them."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from autoglm_lite.hardware.activity import Activity, read_activity
from autoglm_lite.hardware.build import Build, read_build
from autoglm_lite.hardware.cgroups import CpuLimit, MemoryLimit, cpu_limit, memory_limits
from autoglm_lite.hardware.disks import Disk, read_disk
from autoglm_lite.hardware.files import parse_cpu_list, read_table, read_text
from autoglm_lite.hardware.graphics import GraphicsCard, read_graphics
from autoglm_lite.hardware.machine import Machine, read_machine
from autoglm_lite.hardware.modules import Modules, read_modules
from autoglm_lite.hardware.power import Power, read_power
from autoglm_lite.hardware.pressure import Pressure, read_pressure
from autoglm_lite.hardware.processor import Processor, read_processor
from autoglm_lite.hardware.programs import Program, read_programs
from autoglm_lite.hardware.swap import Swap, read_swap


@dataclass(frozen=True, slots=True)
class Survey:
    """What could not be found out is None."""

    machine: Machine
    as_root: bool
    """Whether this process has the rights of the administrator, and so needs no sudo, which may not be there."""
    processor: Processor
    online: int | None
    """Logical processors of the computer, whatever this process may use of them."""
    installed: int | None
    """Bytes of memory of the computer, likewise."""
    memory_limit: MemoryLimit | None
    """The tightest of the control groups, if it is less than what is installed."""
    cpu_limit: CpuLimit | None
    """The tightest of the control groups, if it is less than the computer's processors."""
    distribution: frozenset[str]
    """Its names and those that it is like, as in os-release: ubuntu and debian, say."""
    build: Build | None
    """The llama.cpp that is installed; None if there is none."""
    swap: Swap
    power: Power
    store: Disk
    """Under the stored models."""
    pressure: Pressure
    graphics: tuple[GraphicsCard, ...]
    programs: tuple[Program, ...]
    """The largest ones running."""
    modules: Modules | None
    """Of the memory."""
    activity: Activity
    bandwidth: float | None = None
    """Bytes per second that the cores together read from memory; whoever needs it measures it."""


def read_survey(
    store: Path, libraries: Path | None, root: Path = Path("/"), affinity: Collection[int] | None = None
) -> Survey:
    """Reads this machine, or one recorded under `root`: models are kept in `store`, llama.cpp lies in `libraries`."""
    installed = read_table(root / "proc/meminfo").get("MemTotal")
    memory = min(memory_limits(root), key=lambda limit: limit.limit, default=None)
    cpus, online = cpu_limit(root), _online(root)
    pressure = read_pressure(root)
    return Survey(
        machine=read_machine(root, affinity),
        as_root=re.search(r"^Uid:\s+\d+\s+0\s", read_text(root / "proc/self/status") or "", re.MULTILINE) is not None,
        processor=read_processor(root),
        online=online,
        installed=installed,
        memory_limit=memory if memory and installed and memory.limit < installed else None,
        cpu_limit=cpus if cpus and online and cpus.cpus < online else None,
        distribution=_distribution(root),
        build=None if libraries is None else read_build(libraries),
        swap=read_swap(root),
        power=read_power(root),
        store=read_disk(store, root),
        pressure=pressure,
        graphics=read_graphics(root),
        programs=read_programs(root),
        modules=read_modules(root),
        activity=read_activity(root, pressure.memory_some),
    )


def _online(root: Path) -> int | None:
    listed = read_text(root / "sys/devices/system/cpu/online")
    return len(parse_cpu_list(listed)) if listed else None


def _distribution(root: Path) -> frozenset[str]:
    text = read_text(root / "etc/os-release") or ""
    names = re.findall(r"^ID(?:_LIKE)?=(.*)$", text, re.MULTILINE)
    return frozenset(word for line in names for word in line.strip("\"'").split())
