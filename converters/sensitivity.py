"""How much noise in one tensor matters to what the model says, relative to noise in others."""

from __future__ import annotations

from converters.mixture import Category, category


def sensitivity(name: str, n_layer: int, tied: bool) -> float:
    """The factor between a tensor's relative noise and the divergence that it causes."""
    return 1.0
