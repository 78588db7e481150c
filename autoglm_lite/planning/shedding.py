"""What a loaded model gives back when other programs need the memory: pure, so that each step can be tested."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from autoglm_lite.hardware.pressure import Pressure

Part = Literal["context", "model"]
"""What can be given back, the cheapest to get again first: a context takes the reading of the conversation, a model
that and its loading."""
Step = Literal["nothing"] | Part

SENTENCES: dict[Part, str] = {
    "context": "Memory is short, so {freed} went back to the system: the next question takes a little longer.",
    "model": "Memory is short, so the model was unloaded ({freed}): the next question loads it again.",
}
"""For the user, with what was freed in words."""

GIB = 1 << 30
LITTLE = 0.15, GIB
"""A share of the memory, and bytes: below the lesser of both, little is left. With more at hand programs that wait have
other reasons, such as a group of their own, and what we would give back would not help them."""
LAST = 0.10, GIB
"""The same, of memory and swap together: below it nearly nothing is left. At a tenth of each, earlyoom begins to end
programs, the model's before all others."""
TAKEN = 0.02
"""Share of the memory that others must have taken since the model came to rest, before running out counts: a plan may
well fill the memory to the brim, and what we hold ourselves is no sign of a shortage."""
WAITING = 10.0
"""Percent of the last ten seconds in which some program waited for memory: what one notices."""
FAULTS = 20.0
"""Waits for a page from the disk in a second, where the kernel does not tell of waiting: 24 were measured, on a fast
disk, while programs waited a sixth of the time; a hard disk can do no more than a hundred."""
WORTH = 0.01
"""Share of the memory: giving less back helps nobody, and costs as much."""

Shortage = Literal["none", "waiting", "running out"]
SECONDS_IDLE: dict[Shortage, dict[Part, float]] = {
    "waiting": {"context": 20.0, "model": 60.0},
    "running out": {"context": 5.0, "model": 20.0},
}
"""How long the model must have been at rest. The kernel's figures look back ten seconds: after twenty, what an answer
itself made wait has faded to an eighth. And who has just had an answer is likely to go on."""
READINGS = 2
"""In a row that must show a shortage: one alone may be a program that starts."""
SECONDS_CALM = 30.0
"""Without any sign of shortage, after which the next one is a new one."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a worker process holds of memory that only it can give back."""

    context: int
    """Bytes of the KV cache and its buffers; 0 after they were given back."""
    model: int
    """Bytes of all else: repacked weights, vocabulary, the process. Mapped weights the kernel can drop itself."""
    seconds_idle: float | None
    """Since the last answer; None in an answer."""


@dataclass(frozen=True, slots=True)
class Course:
    """What is to be remembered from one reading to the next, while one model is loaded."""

    left_at_rest: int | None = None
    """Bytes left when the model last came to rest."""
    n_short: int = 0
    """Readings in a row that showed a shortage."""
    seconds_calm: float = 0.0
    shed: bool = False
    """Whether the context was given back in this shortage: made again by a question, it is not taken twice."""


def decide(course: Course, before: Pressure | None, now: Pressure, seconds: float, held: Held) -> tuple[Course, Step]:
    """What to give back now, `seconds` after the reading `before`. Never anything in an answer, and in one shortage the
    context once, then the model."""
    shortage = shortage_of(course, before, now, seconds)
    calm = course.seconds_calm + seconds if shortage == "none" else 0.0
    course = replace(
        course,
        n_short=0 if shortage == "none" else course.n_short + 1,
        seconds_calm=calm,
        shed=course.shed and calm < SECONDS_CALM,
    )
    if held.seconds_idle is None or held.seconds_idle < seconds or course.left_at_rest is None:
        # At work since the last reading: from here on others are watched.
        return replace(course, left_at_rest=now.memory_left, n_short=0), "nothing"
    if shortage == "none" or course.n_short < READINGS:
        return course, "nothing"
    step = _next(course, now, held)
    if step == "nothing" or held.seconds_idle < SECONDS_IDLE[shortage][step]:
        return course, "nothing"
    return replace(course, n_short=0, shed=True), step


def shortage_of(course: Course, before: Pressure | None, now: Pressure, seconds: float) -> Shortage:
    """Whether other programs need memory that is not there."""
    total, available, left = now.memory_total, now.memory_available, now.memory_left
    if not total or available is None or left is None:
        return "none"
    at_rest = course.left_at_rest
    if left < _line(LAST, total) and at_rest is not None and at_rest - left >= TAKEN * total:
        return "running out"
    if available < _line(LITTLE, total) and _waiting(before, now, seconds):
        return "waiting"
    return "none"


def _next(course: Course, now: Pressure, held: Held) -> Step:
    """The cheapest part that is worth it."""
    worth = WORTH * (now.memory_total or 0)
    if held.context >= worth and not course.shed:
        return "context"
    return "model" if held.context + held.model >= worth else "nothing"


def _waiting(before: Pressure | None, now: Pressure, seconds: float) -> bool:
    if now.memory_some is not None:
        return now.memory_some >= WAITING
    if before is None or before.major_faults is None or now.major_faults is None:
        return False
    return now.major_faults - before.major_faults >= FAULTS * seconds


def _line(line: tuple[float, int], total: int) -> float:
    share, most = line
    return min(share * total, most)
