"""The programs that hold the most memory."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from autoglm_lite.hardware.files import read_text

_MOST = 5
_PARTS = {
    **dict.fromkeys(("Isolated Web Co", "Web Content", "WebExtensions", "Privileged Cont", "firefox-bin"), "firefox"),
    "chromium-browse": "chromium",
    "google-chrome": "chrome",
}
"""Processes that call themselves otherwise than their program; names of Linux end after 15 letters."""


@dataclass(frozen=True, slots=True)
class Program:
    """All processes of one name."""

    name: str
    pid: int
    """Of its first process."""
    processes: int
    memory: int
    """Resident bytes that the kernel cannot drop, which closing the program gives back."""
    own: bool
    """Whether this user may close it."""


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    name: str
    memory: int
    own: bool


def read_programs(root: Path, without: Collection[int] = ()) -> tuple[Program, ...]:
    """The largest programs, the largest first, without this one, the system's first process, and those `without`.
    Takes some 0.1 ms for each process."""
    found: dict[str, list[Process]] = defaultdict(list)
    here = os.getpid() if root == Path("/") else 0
    for process in _processes(root):
        if process.pid not in (1, here, *without):
            found[_PARTS.get(process.name, process.name)].append(process)
    programs = [
        Program(
            name,
            min(process.pid for process in group),
            len(group),
            sum(process.memory for process in group),
            all(process.own for process in group),
        )
        for name, group in found.items()
    ]
    return tuple(sorted(programs, key=lambda program: (-program.memory, program.name))[:_MOST])


def _processes(root: Path) -> list[Process]:
    files = list((root / "proc").glob("[0-9]*/status"))
    if not files and root == Path("/"):
        return processes_with_psutil()
    user = _field(read_text(root / "proc/self/status") or "", "Uid")
    processes = []
    for file in files:
        text = read_text(file) or ""
        name = _field(text, "Name")
        memory = _field(text, "RssAnon") or _field(text, "VmRSS")
        # A thread of the kernel has no memory of its own.
        if name and memory:
            name = _printable(name)
            own = user is None or user.startswith("0\t") or user == _field(text, "Uid")
            processes.append(Process(int(file.parent.name), name, int(memory.split()[0]) * 1024, own))
    return processes


def _printable(name: str) -> str:
    """A program may call itself what it likes, also what a terminal would take for a command."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def _field(status: str, name: str) -> str | None:
    match = re.search(rf"^{name}:[ \t]*(.+)$", status, re.MULTILINE)
    return match[1] if match else None


def processes_with_psutil() -> list[Process]:
    """For systems without Linux's files."""
    import psutil

    return [
        Process(process.info["pid"], _printable(process.info["name"] or "?"), process.info["memory_info"].rss, True)
        for process in psutil.process_iter(["pid", "name", "memory_info"])
        if process.info["memory_info"] is not None
    ]
