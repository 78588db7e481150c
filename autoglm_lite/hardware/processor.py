"""The processor by its name, and every instruction set that it has."""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from pathlib import Path

from autoglm_lite.hardware.files import read_text


@dataclass(frozen=True, slots=True)
class Processor:
    name: str | None
    x86: bool
    words: frozenset[str]
    """Its flags as /proc/cpuinfo writes them; empty where the system does not say."""


def read_processor(root: Path) -> Processor:
    info = read_text(root / "proc/cpuinfo")
    if info is None:
        machine = platform.machine().lower()
        return Processor(platform.processor() or None, machine in ("x86_64", "amd64", "i686"), frozenset())
    # A Raspberry Pi names the board instead.
    name = _field(info, "model name") or _field(info, "Model")
    flags = _field(info, "flags")
    words = flags if flags is not None else _field(info, "Features") or ""
    return Processor(name, flags is not None, frozenset(words.split()))


def _field(info: str, name: str) -> str | None:
    match = re.search(rf"^{name}[ \t]*:[ \t]*(.*?)[ \t]*$", info, re.MULTILINE)
    return match[1] if match else None
