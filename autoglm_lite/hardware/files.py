"""Small files of /proc and /sys, which may be absent on any one machine."""

from __future__ import annotations

import re
from pathlib import Path


def read_text(path: Path) -> str | None:
    """The text of `path`, stripped; None when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def exists(path: Path) -> bool:
    """False also where one may not look, as in parts of Android's /sys."""
    try:
        return path.exists()
    except OSError:
        return False


def entries(folder: Path) -> list[Path] | None:
    """What is in `folder`, sorted; None when that cannot be told."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return None


def read_int(path: Path) -> int | None:
    """The number in `path`; None when there is none, as in a cgroup's `max`."""
    return parse_int(read_text(path) or "")


def parse_int(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def read_table(path: Path) -> dict[str, int]:
    """Lines of a name and a number, as in /proc/meminfo and memory.stat; kB are turned into bytes."""
    table: dict[str, int] = {}
    for line in (read_text(path) or "").splitlines():
        words = line.replace(":", " ").split()
        number = parse_int(words[1]) if len(words) > 1 else None
        if number is not None:
            table[words[0]] = number * 1024 if words[2:] == ["kB"] else number
    return table


def unescape(text: str) -> str:
    """The name of a file as /proc/mounts and /proc/swaps write it, with spaces as \\040."""
    return re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match[1], 8) & 255]), text.encode()).decode(
        errors="replace"
    )


def parse_cpu_list(text: str) -> frozenset[int]:
    """The processors named by a list such as `0-3,8`."""
    cpus: set[int] = set()
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        low, high = parse_int(first), parse_int(last or first)
        if low is not None and high is not None:
            cpus.update(range(low, high + 1))
    return frozenset(cpus)
