"""The modules of the memory, as the firmware lists them.

Its own table is for the administrator alone; systemd's udev (248 and later) copies it to a file for everybody.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from autoglm_lite.hardware.files import parse_int, read_text

_LISTED = "run/udev/data/+dmi:id"
_BITS = 64
"""Of a module in a slot, where the firmware leaves that out."""
_IN_SLOTS = ("DIMM", "SODIMM")


@dataclass(frozen=True, slots=True)
class Module:
    """One module, or one group of soldered chips that counts as such."""

    slot: str | None
    """The firmware's name for the place, such as ChannelA-DIMM0."""
    size: int
    """Bytes."""
    kind: str | None
    """DDR4, say."""
    bits: int | None
    """That it moves at a time."""
    speed: int | None
    """Million times per second."""


@dataclass(frozen=True, slots=True)
class Modules:
    slots: int
    """Places for modules, filled or not."""
    filled: tuple[Module, ...]


def read_modules(root: Path) -> Modules | None:
    """None where no list is kept, or one of nothing."""
    devices: dict[int, dict[str, str]] = defaultdict(dict)
    for line in (read_text(root / _LISTED) or "").splitlines():
        key, _, value = line.removeprefix("E:MEMORY_DEVICE_").partition("=")
        number, _, name = key.partition("_")
        if line.startswith("E:MEMORY_DEVICE_") and number.isdecimal():
            devices[int(number)][name] = "".join(letter for letter in value if letter.isprintable()).strip()
    filled = [module for _, told in sorted(devices.items()) if (module := _module(told)) is not None]
    return Modules(len(devices), tuple(filled)) if filled else None


def _module(told: dict[str, str]) -> Module | None:
    size = parse_int(told.get("SIZE", ""))
    if not size:
        return None
    bits = parse_int(told.get("DATA_WIDTH", ""))
    return Module(
        slot=told.get("LOCATOR"),
        size=size,
        kind=told.get("TYPE"),
        bits=bits or (_BITS if told.get("FORM_FACTOR") in _IN_SLOTS else None),
        # What it could do, and what the processor lets it do.
        speed=parse_int(told.get("CONFIGURED_SPEED_MTS", "")) or parse_int(told.get("SPEED_MTS", "")),
    )
