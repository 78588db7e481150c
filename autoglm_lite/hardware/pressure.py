"""How much programs have to wait for memory now."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from autoglm_lite.hardware.files import read_table, read_text


@dataclass(frozen=True, slots=True)
class Pressure:
    """Shares of the last ten seconds in percent, as the kernel's pressure-stall information has them."""

    memory_some: float | None
    """In which some program waited for memory."""
    memory_full: float | None
    """In which all of them did."""
    io_full: float | None
    major_faults: int | None
    """Pages that had to be read from disk, since the start."""


def read_pressure(root: Path) -> Pressure:
    memory, io = (read_text(root / "proc/pressure" / name) or "" for name in ("memory", "io"))
    faults = read_table(root / "proc/vmstat").get("pgmajfault")
    return Pressure(_share(memory, "some"), _share(memory, "full"), _share(io, "full"), faults)


def _share(text: str, kind: str) -> float | None:
    match = re.search(rf"^{kind} avg10=([0-9.]+)", text, re.MULTILINE)
    return float(match[1]) if match else None
