"""What a person chooses a model by: what it is, what it would do on this machine, where else one can be had."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from autoglm_lite.embedding import Use
from autoglm_lite.planning.make import Verdict
from autoglm_lite.store.wanted import Wanted


@dataclass(frozen=True, slots=True)
class Look:
    """A model on this disk, and what would happen if it were loaded now."""

    path: Path
    name: str
    n_params: int
    file_type: str
    n_bytes: int
    n_ctx: int
    """Tokens that it was trained for."""
    use: Use
    verdict: Verdict
    needed: int
    """Bytes of memory; likewise `available`."""
    available: int
    decode: float | None
    """Tokens per second that it would write; None where unknown."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A model that can be had and suits this machine."""

    wanted: Wanted
    family: str
    n_params: int
    file_type: str
    n_ctx: int
    licence: str
    good_at: tuple[str, ...]
    """Words of the list in profiles/models.toml."""
    needed: int
    """Bytes of memory, about."""
    decode: float | None


@dataclass(frozen=True, slots=True)
class Served:
    """A model that the running service knows."""

    name: str
    in_memory: bool
