"""How busy each processor is, for which it takes two looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autoglm_lite.hardware.files import parse_int, read_text


@dataclass(frozen=True, slots=True)
class Times:
    """Of one processor since the start, in any one unit."""

    busy: float
    total: float


def read_times(root: Path = Path("/")) -> dict[int, Times]:
    """By the processor's number; empty where the system does not tell. Takes some 0.1 ms.

    The fields of /proc/stat (proc(5)): user nice system idle iowait irq softirq steal guest guest_nice. Guests are
    counted in user and nice as well. What a host has taken from a virtual machine counts as busy.
    """
    text = read_text(root / "proc/stat")
    if text is None:
        return times_with_psutil() if root == Path("/") else {}
    found = {}
    for line in text.splitlines():
        name, *words = line.split()[:9] or [""]
        cpu = parse_int(name[3:]) if name.startswith("cpu") else None
        if cpu is not None and len(words) >= 5:
            ticks = [parse_int(word) or 0 for word in words]
            found[cpu] = Times(sum(ticks) - ticks[3] - ticks[4], sum(ticks))
    return found


def times_with_psutil() -> dict[int, Times]:
    """For systems without Linux's files."""
    import psutil

    return {
        cpu: Times(sum(times) - times.idle - getattr(times, "iowait", 0.0), sum(times))
        for cpu, times in enumerate(psutil.cpu_times(percpu=True))
    }


def busy_shares(before: Mapping[int, Times], now: Mapping[int, Times]) -> dict[int, float]:
    """By processor, 0 to 1, of the time between the looks; those of which nothing is known are left out."""
    return {
        cpu: min(1.0, max(0.0, (times.busy - earlier.busy) / (times.total - earlier.total)))
        for cpu, times in now.items()
        if (earlier := before.get(cpu)) is not None and times.total > earlier.total
    }
