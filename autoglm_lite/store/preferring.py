"""Which type of a model is the one to have on a machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autoglm_lite.planning.make import Choice, in_words
from autoglm_lite.planning.retyped import main_type
from autoglm_lite.store.choosing import Candidate

USUAL_BITS = 5.2
"""Of a weight of most tensors. Q4_K_M has 4.5, and is what a laptop is best served with (docs/converting.md)."""
GOOD_BITS = 4.2
"""IQ4_XS has 4.25. What is below it answers noticeably worse."""
POOR_BITS = 3.3
"""Q3_K_M has 3.4. Below it a smaller model answers better."""
MOST_BITS = 9.0
"""Q8_0 has 8.5. Nobody notices what 16 bits have more, and they take twice the time."""
EASY_SPEED = 10.0
"""Tokens per second, twice as fast as one reads: a type that still writes so may be better than the usual one."""
EASY_SHARE = 0.6
"""Of the free memory, for the same: other programs are to have the rest."""
SMALL_BYTES = 500_000_000
"""A file of that size is easy for any machine, where the speed is not known."""
LEAST_CTX = 2048
"""Tokens of a conversation. A better type that leaves fewer is no good."""
_PLAIN = ("Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q3_K_M")
"""Of those with the same bits, what is taken first."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A candidate as it would run here."""

    candidate: Candidate
    choice: Choice
    decode: float | None
    """Tokens per second; None where unknown."""
    bits: float

    @property
    def easy(self) -> bool:
        """Whether it leaves much memory and time."""
        quick = self.candidate.n_bytes <= SMALL_BYTES if self.decode is None else self.decode >= EASY_SPEED
        needed = self.choice.predicted.resident_total
        return quick and self.choice.verdict == "fits" and needed <= EASY_SHARE * self.choice.available

    @property
    def worth(self) -> float:
        """Its bits, of which the types of 2023 make less."""
        return self.bits - 0.6 if self.candidate.type in ("Q4_0", "Q4_1", "Q5_0", "Q5_1") else self.bits

    @property
    def rank(self) -> tuple[int, float, bool, int]:
        """By which those that run are compared."""
        good, ample = self.bits >= GOOD_BITS, self.choice.verdict == "fits"
        roomy = ample or self.choice.plan.n_ctx >= LEAST_CTX
        grade = (3 + ample if good else 2 * (self.bits >= POOR_BITS)) if roomy else int(good)
        return grade, self.worth, self.candidate.type in _PLAIN, self.candidate.n_bytes


def bits(type_name: str, n_bytes: int, n_params: int) -> float:
    """Of a weight of most tensors in a file of that type; where the type is not known, of the whole file."""
    kind = main_type(type_name)
    if kind is None or kind.name == "Q8_K":
        return 8 * n_bytes / max(1, n_params)
    return 8 * kind.block_bytes / kind.block_size


def best(found: Sequence[Judged]) -> Judged | None:
    """The best that runs well; None where none fits into the memory."""
    fitting = [one for one in found if one.choice.fits]
    sound = [one for one in fitting if one.bits <= USUAL_BITS or (one.bits <= MOST_BITS and one.easy)]
    if sound:
        return max(sound, key=lambda one: one.rank)
    return min(fitting, key=lambda one: one.candidate.n_bytes, default=None)


def why(taken: Judged, found: Sequence[Judged]) -> str:
    """Why `best` took it, as a clause."""
    if len(found) == 1:
        return "the only one there"
    if taken.bits > USUAL_BITS:
        return "better than the usual types, as memory and speed allow" if taken.easy else "the smallest there"
    larger = [one for one in found if taken.worth < one.worth and one.bits <= MOST_BITS]
    if any(one.bits <= USUAL_BITS for one in larger) or taken.bits < GOOD_BITS:
        return f"the best that fits into the {in_words(taken.choice.available)} of memory that are free"
    if any(one.choice.fits for one in larger):
        return "the usual choice; better types would write slowly here, or leave other programs little memory"
    return "the best that fits" if larger else "the usual choice"


def remark(taken: Judged, found: Sequence[Judged]) -> str | None:
    """What is to be said of a type with few bits, or with many, as a sentence."""
    if taken.bits > MOST_BITS:
        enough = max((one for one in found if one.bits <= MOST_BITS), key=lambda one: one.bits, default=None)
        if enough is None or enough.bits < USUAL_BITS:
            return None
        size = in_words(enough.candidate.n_bytes)
        return f"{enough.candidate.type}, {size}, would answer as well, faster and with less memory."
    if taken.bits >= GOOD_BITS:
        return None
    if taken.bits >= POOR_BITS:
        return f"With {taken.bits:.1f} bits for most weights it answers somewhat worse than the usual types do."
    return f"With {taken.bits:.1f} bits for most weights it answers much worse: a smaller model in Q4_K_M is wiser."
