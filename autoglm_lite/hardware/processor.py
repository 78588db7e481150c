"""The processor by its name, and every instruction set that it has."""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from pathlib import Path

from autoglm_lite.hardware.files import parse_int, read_text

_NAMES_ALL = 6
"""Of Linux; the newest name is sme (5.19). AVX-VNNI, which many new laptops have and no old one, came with 5.12."""


@dataclass(frozen=True, slots=True)
class Processor:
    name: str | None
    x86: bool
    words: frozenset[str]
    """Its flags as /proc/cpuinfo writes them; empty where the system does not say."""
    names_all: bool
    """Whether `words` tells of every instruction set of `build.FEATURES`: Linux 6.0 knows all their names."""


def read_processor(root: Path) -> Processor:
    info = read_text(root / "proc/cpuinfo")
    if info is None:
        machine = platform.machine().lower()
        return Processor(platform.processor() or None, machine in ("x86_64", "amd64", "i686"), frozenset(), False)
    # A Raspberry Pi names the board instead.
    name = _field(info, "model name") or _field(info, "Model")
    flags = _field(info, "flags")
    words = flags if flags is not None else _field(info, "Features") or ""
    release = read_text(root / "proc/sys/kernel/osrelease") or ""
    major = parse_int(release.partition(".")[0])
    return Processor(name, flags is not None, frozenset(words.split()), major is not None and major >= _NAMES_ALL)


def _field(info: str, name: str) -> str | None:
    match = re.search(rf"^{name}[ \t]*:[ \t]*(.*?)[ \t]*$", info, re.MULTILINE)
    return match[1] if match else None
