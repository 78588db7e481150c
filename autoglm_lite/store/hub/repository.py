"""What a hub says of a repository."""

from __future__ import annotations

from dataclasses import dataclass

from autoglm_lite.store.reference import HubReference


@dataclass(frozen=True, slots=True)
class HubFile:
    path: str
    """Within the repository."""
    n_bytes: int
    sha256: str | None
    """None for small ones, of which the hub only tells the Git hash."""


@dataclass(frozen=True, slots=True)
class Repository:
    reference: HubReference
    """Of the whole repository."""
    revision: str
    """The commit, so that all files are of one."""
    files: tuple[HubFile, ...]
    """Only those of kinds that are safe to keep: weights without code in them, and text."""
    licence: str | None = None
    gated: bool = False
    """Whether its makers give it only to those who have agreed to something on its page."""
