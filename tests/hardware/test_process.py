"""The memory of running processes."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

from autoglm_lite.hardware import process_memory
from tests.hardware.trees import write

MIB = 1 << 20


def test_what_this_process_touches_is_counted() -> None:
    before = process_memory(os.getpid())
    with mmap.mmap(-1, 64 * MIB) as block:
        block.write(b"x" * len(block))
        resident, anonymous = process_memory(os.getpid())
    assert 60 * MIB < resident - before[0] < 72 * MIB
    # A mapping of Python is shared memory, which is not anonymous.
    assert anonymous - before[1] < 8 * MIB
    assert anonymous <= resident


def test_a_recorded_process(tmp_path: Path) -> None:
    write(tmp_path, "proc/7/status", "Name:\tx\nVmRSS:\t  2048 kB\nRssAnon:\t 1024 kB\nThreads:\t3")
    assert process_memory(7, tmp_path) == (2 * MIB, MIB)


def test_a_system_without_proc(tmp_path: Path) -> None:
    resident, anonymous = process_memory(os.getpid(), tmp_path)
    assert 0 < anonymous <= resident
    assert process_memory(1 << 30, tmp_path) == (0, 0)


def test_a_process_that_is_gone() -> None:
    assert process_memory(1 << 30) == (0, 0)
