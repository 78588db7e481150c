"""When to paint a growing answer again."""

from __future__ import annotations

SHARE = 0.06
"""Of one core's time that the app may take while an answer comes: a tenth is promised, and a paint that is more
costly than those before it comes on top."""
SHORTEST = 0.125
LONGEST = 1.0
"""Seconds between two paints."""


def gap(cost: float, *, seen: bool = True) -> float:
    """Seconds from one paint to the next when the first made the app work for `cost` seconds.

    Painting then takes SHARE of a core at most, until a paint costs more than SHARE of a second. What is out of
    sight is painted as seldom as possible.
    """
    return min(max(cost / SHARE, SHORTEST), LONGEST) if seen else LONGEST
