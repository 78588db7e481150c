"""The disk that holds a path: whether it rotates, and what is free on it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from autoglm_lite.hardware.files import entries, exists, read_int, read_text, unescape

_OVER_NETWORK = ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs")
_USB_2 = 480
"""Million bits per second."""
_VIRTUAL = ("vd", "xvd", "nbd", "loop", "zram", "ram")
_VIRTUAL_VENDORS = ("QEMU", "VMware", "VBOX", "Msft", "Google")


@dataclass(frozen=True, slots=True)
class Disk:
    path: Path
    device: str | None
    """Its name in /sys/class/block, such as sda2."""
    rotating: bool | None
    free: int | None
    """Bytes that this user may still write."""
    bottleneck: str | None = None
    """What else makes it slow: sd-card, usb2 or network."""


def read_disk(path: Path, root: Path) -> Disk:
    """The disk under `path`, which need not exist yet. A recorded machine does not say what is free."""
    device, kind = _mounted(path.resolve() if root == Path("/") else path, root)
    free = None
    if root == Path("/"):
        there = next((folder for folder in (path, *path.parents) if exists(folder)), root)
        try:
            free = shutil.disk_usage(there).free
        except OSError:
            free = None
    bottleneck = "network" if kind in _OVER_NETWORK else _bottleneck(device)
    return Disk(path, device.name if device else None, rotates(device), free, bottleneck)


def block_device(name: str, root: Path) -> Path | None:
    """The folder of /sys for the block device `name`, as in /proc/swaps; None if there is none."""
    device = (root / name.lstrip("/")).resolve().name if name.startswith("/dev/") else name
    folder = root / "sys/class/block" / device
    return folder.resolve() if exists(folder) else None


def rotates(device: Path | None) -> bool | None:
    """Whether the device of this folder of /sys rotates. None where the kernel only guesses: virtual disks and USB
    sticks say that they rotate unless somebody has told them otherwise."""
    if device is None:
        return None
    disk = device.parent if exists(device / "partition") else device
    below = entries(disk / "slaves")
    if below:
        answers = [rotates(slave.resolve()) for slave in below]
        return True if True in answers else None if None in answers else False
    answer = read_int(disk / "queue/rotational")
    vendor = read_text(disk / "device/vendor") or ""
    if answer and (disk.name.startswith(_VIRTUAL) or vendor in _VIRTUAL_VENDORS or "/usb" in str(disk)):
        return None
    return None if answer is None else answer == 1


def _bottleneck(device: Path | None) -> str | None:
    if device is None:
        return None
    disk = device.parent if exists(device / "partition") else device
    # An eMMC, several times as fast, calls itself MMC.
    if read_text(disk / "device/type") == "SD":
        return "sd-card"
    if "/usb" in str(disk):
        speed = next((speed for folder in disk.parents if (speed := read_int(folder / "speed")) is not None), None)
        return "usb2" if speed is not None and speed <= _USB_2 else None
    return None


def _mounted(path: Path, root: Path) -> tuple[Path | None, str | None]:
    """The folder of /sys for the device under `path`, and the kind of its file system."""
    best: tuple[int, str, str, str] | None = None
    for line in (read_text(root / "proc/self/mountinfo") or "").splitlines():
        left, _, right = line.partition(" - ")
        fields, source = left.split(), right.split()
        if len(fields) < 5 or len(source) < 2:
            continue
        point = Path(unescape(fields[4]))
        # Of two file systems on one folder the later one is seen.
        if path.is_relative_to(point) and (best is None or len(point.parts) >= best[0]):
            best = len(point.parts), fields[2], source[1], source[0]
    if best is None:
        return None, None
    _, numbers, source_name, kind = best
    folder = root / "sys/dev/block" / numbers
    # A btrfs has numbers of its own, and tells its disk only as the source.
    return folder.resolve() if exists(folder) else block_device(source_name, root), kind
