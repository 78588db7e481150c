"""How much programs have to wait for memory now, and how much of it is left."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from autoglm_lite.hardware.files import read_text
from autoglm_lite.hardware.room import read_room


@dataclass(frozen=True, slots=True)
class Pressure:
    """Shares of the last ten seconds in percent, as the kernel's pressure-stall information has them, and bytes."""

    memory_some: float | None
    """In which some program waited for memory."""
    memory_full: float | None
    """In which all of them did."""
    io_full: float | None
    major_faults: int | None
    """Pages that had to be read from disk, since the start."""
    memory_total: int | None = None
    """What this process could use at most, within the limits of its control groups."""
    memory_available: int | None = None
    """What is left of it without swapping."""
    memory_left: int | None = None
    """What is left before the kernel ends programs (see Room)."""


def read_pressure(root: Path) -> Pressure:
    """Reads a dozen small files under `root`. Takes 0.5 ms, so that a model can be watched all the time."""
    memory, io = (read_text(root / "proc/pressure" / name) or "" for name in ("memory", "io"))
    return Pressure(
        _share(memory, "some"), _share(memory, "full"), _share(io, "full"), _major_faults(root), *_memory(root)
    )


def _memory(root: Path) -> tuple[int | None, int | None, int | None]:
    """Total, available, left."""
    room = read_room(root)
    if room is not None:
        return room.total, room.available, room.left
    if root != Path("/"):
        return None, None, None
    import psutil

    memory = psutil.virtual_memory()
    return memory.total, memory.available, memory.available + psutil.swap_memory().free


def _share(text: str, kind: str) -> float | None:
    match = re.search(rf"^{kind} avg10=([0-9.]+)", text, re.MULTILINE)
    return float(match[1]) if match else None


def _major_faults(root: Path) -> int | None:
    match = re.search(r"^pgmajfault ([0-9]+)$", read_text(root / "proc/vmstat") or "", re.MULTILINE)
    return int(match[1]) if match else None
