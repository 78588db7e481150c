"""Which models of the list suit this machine: one answer for the app and for `models recommend`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autoglm_lite.hardware import Machine
    from autoglm_lite.profiles.models import KnownModel

MOST = 6
ALIKE, MOST_ALIKE = 1.4, 2
"""Of models whose parameters differ by less than this factor, so many: the rest of the few are quicker ones."""


@dataclass(frozen=True, slots=True)
class Proposal:
    model: KnownModel
    type: str
    n_bytes: int
    """Of the file, about; likewise `needed`, of memory."""
    needed: int
    decode: float | None
    """Tokens per second that it would write; None where unknown."""

    @property
    def reference(self) -> str:
        """hf:org/repo/file."""
        return self.model.files[self.type]


def proposals(machine: Machine, memory: int, bandwidth: float | None) -> list[Proposal]:
    """The few that suit it, the best first, for `memory` bytes; `bandwidth`: bytes per second that the cores read, None
    where unknown. Raises ProfileError."""
    from autoglm_lite.planning.speed import weights_per_second
    from autoglm_lite.profiles.models import read_models, suited

    def speed(n_bytes: int) -> float | None:
        return bandwidth and weights_per_second(machine, machine.physical_cores, bandwidth) / n_bytes

    found: list[Proposal] = []
    for one in suited(read_models(), memory, speed):
        n_bytes = one.model.bytes_by_type[one.type]
        if sum(_alike(one.model, other.model) for other in found) < MOST_ALIKE:
            found.append(Proposal(one.model, one.type, n_bytes, one.needed, speed(n_bytes)))
    return found[:MOST]


def least() -> Proposal:
    """What needs the least memory of all that could be proposed. Raises ProfileError."""
    from autoglm_lite.profiles.models import needed_bytes, read_models

    found = (
        Proposal(model, name, size, needed_bytes(model, size), None)
        for model in read_models()
        for name, size in model.bytes_by_type.items()
        if name in model.files and model.good_at
    )
    return min(found, key=lambda one: one.needed)


def _alike(one: KnownModel, other: KnownModel) -> bool:
    few, many = sorted((one.parameters, other.parameters))
    return many < ALIKE * few
