"""What a model gives back that nobody asks anything, though no program waits for memory yet: pure."""

from __future__ import annotations

from autoglm_lite.hardware.pressure import Pressure
from autoglm_lite.planning.shedding import WORTH, Held, Part, Step

SENTENCES: dict[Part, str] = {
    "context": "Nothing was asked for a while, so {freed} went back to the system: the next question takes a little"
    " longer.",
    "model": "Nothing was asked for a while, so the model was unloaded ({freed}): the next question loads it again.",
}
"""For the user, with what was freed in words."""

PLENTY = 0.5
"""Share of the memory that is available: with so much nobody would notice what we give back, only that it is missing.
With the browser open a laptop of 4 GB has less with any model loaded, one of 16 GB seldom."""
SECONDS_TO_CONTEXT = 300.0
"""A context comes back in a second or a few: what would take longer to read again is read from the disk. So it goes
soon, but not while one reads a long answer."""
SECONDS_TO_MODEL = 900.0
"""At least. A model in the page cache comes back in two to five seconds; but after a quarter of an hour of other work
its pages are the first that the kernel drops."""
PATIENCE = 60.0
"""Nobody is to wait for the loading longer than a sixtieth of the time for which nothing was asked: 2.5 GB on a hard
disk take 25 s and stay for 25 minutes."""
DISK_BYTES = 100e6
"""A second, of a slow disk: what is cached now need not be then."""


def give_back(now: Pressure, held: Held, load_seconds: float, unload_after: float | None = None) -> Step:
    """What an idle model is to give back now. `load_seconds`: what loading it again may take. With `unload_after` it is
    unloaded after so many seconds whatever memory there is, and never by our own rule (math.inf: never at all)."""
    idle, total = held.seconds_idle, now.memory_total
    if idle is None:
        return "nothing"
    if unload_after is not None:
        return "model" if idle >= unload_after else "nothing"
    if not total or now.memory_available is None or now.memory_available >= PLENTY * total:
        return "nothing"
    worth = WORTH * total
    if idle >= max(SECONDS_TO_MODEL, PATIENCE * load_seconds) and held.context + held.model >= worth:
        return "model"
    return "context" if idle >= SECONDS_TO_CONTEXT and held.context >= worth else "nothing"
