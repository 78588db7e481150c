"""How much noise in one tensor matters to what the model says, relative to noise in others."""

from __future__ import annotations

import re

from converters.mixture import Category, category

FACTORS = {
    Category.FFN_GATE: 1.0,
    Category.FFN_UP: 1.0,
    Category.FFN_DOWN: 1.0,
    Category.ATTN_V: 0.7,
    Category.ATTN_K: 0.5,
    Category.ATTN_Q: 0.35,
    Category.ATTN_OUTPUT: 0.35,
    Category.OUTPUT: 6.0,
    Category.TOKEN_EMBD: 6.0,
    Category.OTHER: 0.7,
}
"""Divergence for the same relative noise in one tensor, to that of noise in one layer's ffn_up.

Measured with each tensor of the starter and of stories260K quantised alone; means of the two, which differ by as much
as a factor of three (docs/converting.md has the figures).
"""

TIED = 12.0
"""An embedding that is the output too."""

FIRST, LAST = 3.0, 1.5
"""The first layer's noise passes through all others; the last one's reaches the output as it is."""


def sensitivity(name: str, n_layer: int, tied: bool) -> float:
    """The factor between a tensor's relative noise and the divergence that it causes."""
    found = category(name)
    if found is Category.TOKEN_EMBD and tied:
        return TIED
    number = re.match(r"blk\.(\d+)\.", name)
    place = {0: FIRST, n_layer - 1: LAST}.get(int(number[1]), 1.0) if number else 1.0
    return FACTORS[found] * place
