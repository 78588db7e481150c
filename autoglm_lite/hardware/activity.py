"""What the machine is busy with now, for which it takes two looks."""

from __future__ import annotations

import mmap
import time
from dataclasses import dataclass
from pathlib import Path

from autoglm_lite.hardware.files import read_table, read_text

SECONDS = 1.0
"""Between the looks. A recorded machine has the second one under `later`."""
LITTLE_WAITING = 1.0
"""Percent of the time that programs wait for memory, below which nothing is worth the second look."""
_RECORDED_PAGE = 4096


@dataclass(frozen=True, slots=True)
class Activity:
    load: float | None
    """Programs that ran or waited for a disk, on average over the last minute."""
    memory_free: int | None
    """Bytes that hold nothing, not even a file. Where it is much, only a control group can be short of memory."""
    read_again: float | None
    """Bytes per second of files that were read although they had been in memory shortly before."""
    major_faults: float | None
    """Times per second that a program waited for a page from disk."""


def read_activity(root: Path, waiting: float | None) -> Activity:
    """Takes a second if programs wait for memory, `waiting` being their share of the time in percent, or may do so.

    Where they hardly do, nothing is known of files read again.
    """
    words = (read_text(root / "proc/loadavg") or "").split()
    load = float(words[0]) if words and words[0].replace(".", "", 1).isdecimal() else None
    free = read_table(root / "proc/meminfo").get("MemFree")
    before = _counts(root)
    if before is None or (waiting is not None and waiting < LITTLE_WAITING):
        return Activity(load, free, None, None)
    here = root == Path("/")
    if here:
        time.sleep(SECONDS)
    after = _counts(root if here else root / "later")
    if after is None:
        return Activity(load, free, None, None)
    pages, faults = (max(0, late - early) / SECONDS for early, late in zip(before, after, strict=True))
    return Activity(load, free, pages * (mmap.PAGESIZE if here else _RECORDED_PAGE), faults)


def _counts(root: Path) -> tuple[int, int] | None:
    """Pages of files read again, and major faults, since the start."""
    table = read_table(root / "proc/vmstat")
    # Linux before 5.9 counts only those of files, without saying so.
    pages = table.get("workingset_refault_file", table.get("workingset_refault"))
    faults = table.get("pgmajfault")
    return None if pages is None or faults is None else (pages, faults)
