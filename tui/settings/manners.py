"""How the app behaves: the settings, made definite for this terminal and this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tui.settings.settings import Settings

SIXTEEN_COLOURS = ("", "dumb", "linux", "ansi", "vt100", "vt220", "xterm", "screen", "cygwin", "rxvt")
"""Terminals that show no more, unless COLORTERM says so."""


@dataclass(frozen=True, slots=True)
class Manners:
    chinese: bool
    theme: str
    """dark, light or plain."""
    low_power: bool
    """Few frames, no blinking, rarer looks at the machine."""


def manners_of(settings: Settings, environ: Mapping[str, str], dark: bool | None, low_power: bool) -> Manners:
    """`dark`: what is known of the terminal's background; `low_power`: what `wants_low_power` said."""
    automatic = "plain" if is_plain(environ) else "light" if dark is False else "dark"
    return Manners(
        chinese=in_chinese(environ) if settings.language == "auto" else settings.language == "zh",
        theme=automatic if settings.theme == "auto" else settings.theme,
        low_power=low_power,
    )


def is_plain(environ: Mapping[str, str]) -> bool:
    """Whether colours are unwanted (no-color.org), or 16 at most, or letters beside ASCII doubtful."""
    if environ.get("NO_COLOR"):
        return True
    return environ.get("TERM", "") in SIXTEEN_COLOURS and not environ.get("COLORTERM")


def in_chinese(environ: Mapping[str, str]) -> bool:
    """By the locale, as POSIX reads it; the Linux console's fonts hold no Chinese."""
    locale = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := environ.get(name))), "")
    return locale.lower().startswith("zh") and environ.get("TERM") != "linux"


def wants_low_power(settings: Settings, asked: bool, root: Path = Path("/")) -> bool:
    """Whether by the command line, by the settings, or because the machine is slow or on battery."""
    if asked or settings.low_power != "auto":
        return asked or settings.low_power == "on"
    return is_slow(root) or on_battery(root)


def is_slow(root: Path) -> bool:
    """One core, or a processor without AVX (before 2011, and many Celerons) or, on ARM, without dot products (before
    the Cortex-A76)."""
    from autoglm_lite.hardware.cores import read_cores, read_features

    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") and root == Path("/") else None
    cores = read_cores(root, allowed)
    if cores is not None and len(cores.physical) < 2:
        return True
    features = read_features(root)
    return bool(features or cores) and not features & {"avx", "dotprod"}


def on_battery(root: Path) -> bool:
    from autoglm_lite.hardware.power import read_power

    return read_power(root).on_mains is False
