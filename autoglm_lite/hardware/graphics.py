"""The graphics cards on the PCI bus, with their drivers and links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from autoglm_lite.hardware.files import exists, read_int, read_text

_DISPLAY = "0x03"
VENDORS = {"0x10de": "NVIDIA", "0x1002": "AMD", "0x8086": "Intel"}
"""Whose cards llama.cpp can compute on; a virtual machine's screen or a server's console is no such card."""


@dataclass(frozen=True, slots=True)
class Link:
    """One PCIe connection on the way from the processor to a card."""

    width: int
    """Lanes in use."""
    best_width: int
    """Lanes that both of its ends have."""
    speed: float
    """GT/s of a lane, which cards lower while they have nothing to do."""
    best_speed: float


@dataclass(frozen=True, slots=True)
class GraphicsCard:
    address: str
    """On the PCI bus, such as 0000:01:00.0."""
    vendor: str
    device: str
    """The maker's number for it, such as 0x1c8d."""
    driver: str | None
    """The kernel's; None if none has taken the card."""
    memory: int | None
    """Bytes of its own, where the driver tells (amdgpu)."""
    links: tuple[Link, ...]
    """From the card upwards; empty where the bus does not say, as for a card in the processor."""


def read_graphics(root: Path) -> tuple[GraphicsCard, ...]:
    cards = []
    for entry in sorted((root / "sys/bus/pci/devices").glob("*")):
        vendor = VENDORS.get(read_text(entry / "vendor") or "")
        if vendor is None or not (read_text(entry / "class") or "").startswith(_DISPLAY):
            continue
        driver = entry / "driver"
        cards.append(
            GraphicsCard(
                address=entry.name,
                vendor=vendor,
                device=read_text(entry / "device") or "",
                driver=driver.resolve().name if exists(driver) else None,
                memory=read_int(entry / "mem_info_vram_total"),
                links=_links(entry.resolve()),
            )
        )
    return tuple(cards)


def _links(device: Path) -> tuple[Link, ...]:
    links: list[Link] = []
    # A card may hold a switch of its own, so that its narrowest link lies further up.
    while True:
        port = device.parent
        ends = [(_width(end), _speed(end)) for end in (device, port)]
        widths, speeds = [width for width, _ in ends if width], [speed for _, speed in ends if speed]
        now, speed = read_int(device / "current_link_width"), _transfers(read_text(device / "current_link_speed"))
        if not now or not speed or len(widths) < 2 or len(speeds) < 2:
            return tuple(links)
        links.append(Link(now, min(widths), speed, min(speeds)))
        device = port


def _width(end: Path) -> int | None:
    # 255 stands for unknown.
    width = read_int(end / "max_link_width")
    return width if width and width <= 32 else None


def _speed(end: Path) -> float | None:
    return _transfers(read_text(end / "max_link_speed"))


def _transfers(text: str | None) -> float | None:
    match = re.match(r"([0-9.]+) GT/s", text or "")
    return float(match[1]) if match else None
