"""Where memory is swapped to, and how eagerly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from autoglm_lite.hardware.disks import block_device, read_disk, rotates
from autoglm_lite.hardware.files import parse_int, read_int, read_text, unescape


@dataclass(frozen=True, slots=True)
class SwapDevice:
    name: str
    size: int
    used: int
    """Bytes both."""
    priority: int
    """The device of the highest is filled first."""
    zram: bool
    """Compressed memory."""
    rotating: bool | None


@dataclass(frozen=True, slots=True)
class Swap:
    devices: tuple[SwapDevice, ...] | None
    """None where the system does not say."""
    zswap: bool | None
    """Whether pages are compressed in memory before they go to a device."""
    swappiness: int | None
    """0 to 200; 60 unless somebody changed it."""


def read_swap(root: Path) -> Swap:
    table = read_text(root / "proc/swaps")
    devices = None if table is None else tuple(_devices(table, root))
    zswap = read_text(root / "sys/module/zswap/parameters/enabled")
    return Swap(devices, None if zswap is None else zswap in ("Y", "1"), read_int(root / "proc/sys/vm/swappiness"))


def _devices(table: str, root: Path) -> list[SwapDevice]:
    devices = []
    for line in table.splitlines()[1:]:
        words = line.split()
        if len(words) != 5:
            continue
        name = unescape(words[0])
        size, used, priority = (parse_int(word) or 0 for word in words[2:])
        zram = Path(name).name.startswith("zram")
        if words[1] == "file":
            rotating = read_disk(Path(name), root).rotating
        else:
            rotating = False if zram else rotates(block_device(name, root))
        devices.append(SwapDevice(name, size * 1024, used * 1024, priority, zram, rotating))
    return devices
