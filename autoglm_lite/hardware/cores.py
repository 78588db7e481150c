"""Processor cores: which of them this process may use, and what they can do."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from autoglm_lite.hardware.files import parse_cpu_list, read_int, read_text

EFFICIENCY_SHARE = 0.85
"""A core of less than this share of the fastest one's speed is an efficiency core: the favoured cores of one kind
differ by up to 10 %, the kinds of cores of a hybrid processor by 20 % and more."""

_CPU = "sys/devices/system/cpu"

_FEATURES = {
    "sse4_2": "sse4.2",
    "avx": "avx",
    "avx2": "avx2",
    "avx512f": "avx512",
    "asimddp": "dotprod",
    "i8mm": "i8mm",
}
"""Names in /proc/cpuinfo and ours, for the instruction sets that decide which weights llama.cpp repacks."""


@dataclass(frozen=True, slots=True)
class Cores:
    physical: tuple[int, ...]
    """Of the fastest kind: of each the first processor that may be used, in order."""
    logical: int
    """With their hyper-threads."""


def read_cores(root: Path, allowed: Collection[int] | None) -> Cores | None:
    """The cores among the processors `allowed` (None: all that are online). None where /sys does not say."""
    cpus = _online(root)
    if allowed is not None:
        cpus &= frozenset(allowed)
    if not cpus:
        return None
    speeds = {cpu: _speed(root, cpu) for cpu in cpus}
    fastest = max(speeds.values())
    # On a machine whose cores differ, one that waits for a slow one after each step is slow.
    fast = [cpu for cpu, speed in speeds.items() if speed >= EFFICIENCY_SHARE * fastest]
    cores: dict[tuple[object, ...], int] = {}
    for cpu in sorted(fast):
        cores.setdefault(_core(root, cpu), cpu)
    return Cores(physical=tuple(cores.values()), logical=len(fast))


def read_features(root: Path) -> frozenset[str]:
    """The instruction sets of interest that the processor has: sse4.2, avx, avx2, avx512, dotprod, i8mm."""
    info = read_text(root / "proc/cpuinfo") or ""
    match = re.search(r"^(?:flags|Features)\s*:(.*)$", info, re.MULTILINE)
    words = match[1].split() if match else []
    return frozenset(_FEATURES[word] for word in words if word in _FEATURES)


def _online(root: Path) -> frozenset[int]:
    listed = read_text(root / _CPU / "online")
    if listed:
        return parse_cpu_list(listed)
    folders = (root / _CPU).glob("cpu[0-9]*/topology")
    return frozenset(int(folder.parent.name[3:]) for folder in folders)


def _speed(root: Path, cpu: int) -> int:
    """Comparable among the processors of one machine; 0 where unknown."""
    folder = root / _CPU / f"cpu{cpu}"
    return read_int(folder / "cpu_capacity") or read_int(folder / "cpufreq/cpuinfo_max_freq") or 0


def _core(root: Path, cpu: int) -> tuple[object, ...]:
    """The same for two processors that are hyper-threads of one core."""
    topology = root / _CPU / f"cpu{cpu}/topology"
    core = read_int(topology / "core_id")
    if core is None:
        return ("alone", cpu)
    return (read_int(topology / "physical_package_id"), read_int(topology / "die_id"), core)
