"""How wide the columns of a table are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Alignment = Literal["left", "center", "right"]


def widths_of(natural: Sequence[int], room: int) -> list[int]:
    """Cells for each column: as many as its longest text where all have `room` together; else the widest give way
    to the others, by the same width for all that do. One cell at least."""
    widths = [max(1, width) for width in natural]
    if sum(widths) <= room:
        return widths
    left, given = max(room, len(widths)), [1] * len(widths)
    by_width = sorted(range(len(widths)), key=lambda column: widths[column])
    for n_done, column in enumerate(by_width):
        given[column] = max(1, min(widths[column], left // (len(widths) - n_done)))
        left -= given[column]
    return given
