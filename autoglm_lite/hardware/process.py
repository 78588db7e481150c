"""How much memory a running process holds."""

from __future__ import annotations

import os
from pathlib import Path

from autoglm_lite.hardware.files import read_table


def process_memory(pid: int, root: Path = Path("/")) -> tuple[int, int]:
    """Resident and anonymous bytes of the process `pid`; zeros when there is no such process. Takes some 0.1 ms, so a
    status line can ask every second."""
    status = read_table(root / "proc" / str(pid) / "status")
    if "VmRSS" in status:
        return status["VmRSS"], status.get("RssAnon", status["VmRSS"])
    if (root / "proc/self/status").exists():
        return 0, 0
    import psutil

    try:
        info = psutil.Process(pid).memory_info()
    except psutil.Error:
        return 0, 0
    # Without a Linux kernel the two cannot be told apart cheaply.
    return info.rss, info.rss


def own_anonymous_bytes() -> int:
    """Of this process: what can only be swapped out."""
    return process_memory(os.getpid())[1]
