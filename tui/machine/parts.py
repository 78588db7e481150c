"""What a loaded model's memory is made of: what is measured of its process, divided as it was planned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tui.machine.look import Held, Look

if TYPE_CHECKING:
    from autoglm_lite.planning.memory import Predicted

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
    was given back, each has what it can have then. Of what is mapped more than the weights are its libraries.
    """
    if held is None:
        return []
    if predicted is None:
        found: dict[Name, int] = {"mapped": held.mapped, "own": held.anonymous}
    else:
        weights = min(held.mapped, predicted.mapped)
        libraries = held.mapped - weights
        process = min(held.anonymous, max(0, predicted.process - libraries))
        repacked = min(held.anonymous - process, predicted.repacked)
        kv = min(held.anonymous - process - repacked, predicted.kv)
        compute = held.anonymous - process - repacked - kv
        found = {
            "mapped": weights,
            "repacked": repacked,
            "kv": kv,
            "compute": compute,
            "process": process + libraries,
        }
    return [Part(name, n_bytes) for name, n_bytes in found.items() if n_bytes]


def others(look: Look) -> int | None:
    """Bytes that all other programs hold, which the system could not have back by dropping files."""
    if look.total is None or look.available is None:
        return None
    ours = look.app.anonymous + (look.model.anonymous if look.model else 0)
    return max(0, look.total - look.available - ours)
