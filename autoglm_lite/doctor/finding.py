"""One thing that is wrong with the machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""The worst first. error: models do not run, or not for long; warning: they run much worse than they could; note: worth
knowing, and small or not to be changed."""


@dataclass(frozen=True, slots=True)
class Finding:
    id: str
    """Stable: scripts may ask for it."""
    severity: Severity
    what: str
    """What was found, with its figures, as a sentence."""
    cost: str
    """What that does to a model that runs here."""
    fix: str
    """The command that mends it; where none can, a sentence."""


def size(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.0f} MB"
