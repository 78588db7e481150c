"""The control groups that this process is in (v1 and v2) and the limits they set on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from autoglm_lite.hardware.files import parse_int, read_int, read_table, read_text

_MOUNT = PurePosixPath("sys/fs/cgroup")


_NO_LIMIT = 1 << 60
"""What v1 has in the place of v2's `max` is 2**63, less a page."""


@dataclass(frozen=True, slots=True)
class MemoryLimit:
    """One group's limit in bytes, and what of it is used by memory that the kernel cannot simply drop."""

    limit: int
    used: int
    file: Path
    """Where the limit is set."""
    outermost: bool
    """Whether no group above is seen: in a container that is the container's own, which only its host can change."""


@dataclass(frozen=True, slots=True)
class CpuLimit:
    """One group's limit, in processors' worth of time."""

    cpus: float
    file: Path
    outermost: bool


def memory_limits(root: Path) -> list[MemoryLimit]:
    """The limits of the process's group and of all groups above it."""
    limits = []
    for folder, outermost in _groups(root, "memory"):
        # v2: memory.high is where the kernel begins to slow the group down.
        files = [folder / name for name in ("memory.max", "memory.high", "memory.limit_in_bytes")]
        tops = [(top, file) for file in files if (top := read_int(file)) is not None]
        if tops and min(tops)[0] < _NO_LIMIT:
            limit, file = min(tops)
            used = read_int(folder / "memory.current") or read_int(folder / "memory.usage_in_bytes") or 0
            limits.append(MemoryLimit(limit, max(0, used - _file_cache(folder)), file, outermost))
    return limits


def cpu_quota(root: Path) -> float | None:
    """Processors' worth of time that the process may use; None without a limit."""
    limit = cpu_limit(root)
    return limit.cpus if limit else None


def cpu_limit(root: Path) -> CpuLimit | None:
    """The tightest limit of the process's group and of all groups above it."""
    limits = []
    for folder, outermost in _groups(root, "cpu"):
        file = folder / "cpu.max"
        words = (read_text(file) or "").split()
        if len(words) == 2:
            quota, period = parse_int(words[0]), parse_int(words[1])
        else:
            file = folder / "cpu.cfs_quota_us"
            quota, period = read_int(file), read_int(folder / "cpu.cfs_period_us")
        if quota is not None and period and quota > 0:
            limits.append(CpuLimit(quota / period, file, outermost))
    return min(limits, key=lambda limit: limit.cpus, default=None)


def _file_cache(folder: Path) -> int:
    """Bytes of the group that are cached files. v1 counts those of the groups below under names with `total_`."""
    stat = read_table(folder / "memory.stat")
    names = ("inactive_file", "active_file")
    return sum(stat.get(f"total_{name}", stat.get(name, 0)) for name in names)


def _groups(root: Path, controller: str) -> Iterator[tuple[Path, bool]]:
    """The folders of the groups that hold this process, innermost first, and whether each is the outermost.

    In a container the path that the kernel names may lie outside of what is mounted; then only the mounted top exists.
    """
    for line in (read_text(root / "proc/self/cgroup") or "").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            mounts = [root / _MOUNT, root / _MOUNT / "unified"]
        elif controller in controllers.split(","):
            mounts = [root / _MOUNT / name for name in {controllers: 0, controller: 0}]
        else:
            continue
        for mount in mounts:
            inner = mount / path.lstrip("/")
            yield from (
                (folder, folder == mount)
                for folder in (inner, *inner.parents)
                if folder.is_relative_to(mount) and folder.is_dir()
            )
