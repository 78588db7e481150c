"""The devices that llama.cpp can compute on beside the processor; the worker lists them (Worker.devices)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from autoglm_lite.hardware.build import installed_libraries, read_build

DeviceKind = Literal["gpu", "igpu", "rpc"]


@dataclass(frozen=True, slots=True)
class Device:
    """Memory in bytes, as the device's driver or server says."""

    name: str
    """llama.cpp's, such as CUDA0; of another computer its HOST:PORT, with /1, /2... for its further devices."""
    description: str
    kind: DeviceKind
    """A graphics card, graphics within the processor that share its memory, or another computer."""
    memory_total: int
    memory_free: int
    endpoint: str | None = None
    """HOST:PORT of the computer that has it; None for this one."""


def may_have_devices() -> bool:
    """Whether the installed llama.cpp was built for any graphics; else it need not be started to find none."""
    libraries = installed_libraries()
    build = read_build(libraries) if libraries else None
    return build is not None and bool(build.backends)
