"""Which process has the model in memory that the service answers with."""

from __future__ import annotations

from pathlib import Path

CHILD = b"autoglm_lite.worker.child"


def worker_of(pid: int, file: Path, root: Path = Path("/")) -> int | None:
    """The worker, among the children of the service `pid`, that has mapped `file`; of one that is alone nothing more is
    asked. None where the system does not tell. Takes some 0.2 ms."""
    processes = root / "proc"
    try:
        found = [
            int(child)
            for listed in (processes / str(pid) / "task").glob("*/children")
            for child in listed.read_text().split()
            if CHILD in (processes / child / "cmdline").read_bytes()
        ]
        if len(found) == 1:
            return found[0]
        name = str(file.resolve())
        return next(child for child in found if name in (processes / str(child) / "maps").read_text())
    except (OSError, StopIteration):
        return None
