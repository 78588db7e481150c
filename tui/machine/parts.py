"""What a loaded model's memory is made of: what is measured of its process, divided as it was planned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from autoglm_lite.planning.memory import Predicted
from tui.machine.look import Held, Look

Name = Literal["mapped", "repacked", "kv", "compute", "process", "own", "app", "others"]
LETTERS: dict[Name, str] = {
    "mapped": "W",
    "repacked": "R",
    "kv": "K",
    "compute": "C",
    "process": "P",
    "own": "M",
    "app": "A",
    "others": "o",
}
"""In a bar without colours; those of the plan are the letters of `autoglm-lite plan`."""


@dataclass(frozen=True, slots=True)
class Part:
    name: Name
    n_bytes: int


def parts_of(held: Held | None, predicted: Predicted | None) -> list[Part]:
    """Of a model's process; they sum up to what is resident. Where the plan is not known its own memory is one part.

    Its own memory fills the parts in the order in which they come to be, so that while it loads, and after its context
    was given back, each has what it can have then.
    """
    if held is None:
        return []
    if predicted is None:
        found = [Part("own", held.anonymous)]
    else:
        left, found = held.anonymous, []
        for name in ("process", "repacked", "kv"):
            taken = min(left, getattr(predicted, name))
            found.append(Part(name, taken))
            left -= taken
        found.append(Part("compute", left))
    order = list(LETTERS)
    parts = sorted([Part("mapped", held.mapped), *found], key=lambda part: order.index(part.name))
    return [part for part in parts if part.n_bytes]


def others(look: Look) -> int | None:
    """Bytes that all other programs hold, which the system could not have back by dropping files."""
    if look.total is None or look.available is None:
        return None
    ours = look.app.anonymous + (look.model.anonymous if look.model else 0)
    return max(0, look.total - look.available - ours)
