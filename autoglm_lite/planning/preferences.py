"""Where a Plan's values come from when the user asked for nothing: tuned here, the user's own file, a profile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Literal

from autoglm_lite.planning.plan import KvType, Plan, Saving

Origin = Literal["asked", "tuned", "own", "profile", "rule"]
"""`asked`: on the command line. `own`: the user's profile.toml. `rule`: nobody said anything, or what was preferred
had to be given up."""


@dataclass(frozen=True, slots=True)
class Values:
    """What is preferred; None leaves the choice to others."""

    ctx: int | None = None
    kv_type: KvType | None = None
    threads: int | None = None
    threads_batch: int | None = None
    n_ubatch: int | None = None
    repack: bool | None = None
    flash_attention: bool | None = None
    saving: Saving | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """How fast a plan was here, in tokens per second, with exactly these values in it."""

    values: Values
    prefill: float
    decode: float


@dataclass(frozen=True, slots=True)
class Layer:
    """Values of one origin. A preference never makes a plan stop fitting: it is given up first."""

    origin: Origin
    words: str
    """For the reasons: `tuned on this machine`, `profile laptop-4gb`."""
    values: Values
    profile: str | None = None
    """The name of the profile that this is."""
    measured: Measured | None = None


@dataclass(frozen=True, slots=True)
class Source:
    origin: Origin
    words: str
    """Empty for a rule, which has a reason of its own."""


ASKED = Source("asked", "as you asked")
RULE = Source("rule", "")


def filled(layers: Iterable[Layer]) -> Values:
    """Each value from the first of `layers` that has one."""
    found: dict[str, object] = {}
    for layer in layers:
        for field in fields(Values):
            value = getattr(layer.values, field.name)
            if value is not None:
                found.setdefault(field.name, value)
    return Values(**found)  # type: ignore[arg-type]


def source(asked: object, layers: Sequence[Layer], name: str, taken: object) -> Source:
    """Where `taken`, the plan's value, comes from: `asked` is the command line's, `name` a field of Values."""
    if asked is not None:
        return ASKED
    for layer in layers:
        value = getattr(layer.values, name)
        if value is not None:
            return Source(layer.origin, layer.words) if value == taken else RULE
    return RULE


def measured(layers: Iterable[Layer], plan: Plan) -> Measured | None:
    """What was measured of `plan`, or of one that differs only in the length of its context."""
    for layer in layers:
        found = layer.measured
        if found and all(getattr(found.values, name) == getattr(plan, name) for name in MEASURED_NAMES):
            return found
    return None


MEASURED_NAMES = ("kv_type", "threads", "threads_batch", "n_ubatch", "repack", "flash_attention")
"""Fields of a Plan that decide on its speed."""
PLAN_NAMES = {
    "n_ctx": "ctx",
    "kv_type": "kv_type",
    "threads": "threads",
    "threads_batch": "threads_batch",
    "n_ubatch": "n_ubatch",
    "repack": "repack",
    "flash_attention": "flash_attention",
    "saving": "saving",
}
"""Fields of a Plan and what they are called among the wishes."""


def taken_from(wishes: object, layers: Sequence[Layer], plan: Plan) -> dict[str, Source]:
    """For each of PLAN_NAMES, where the plan's value comes from; `wishes` are the Wishes."""
    found = {
        name: source(getattr(wishes, wish, None), layers, wish, getattr(plan, name))
        for name, wish in PLAN_NAMES.items()
    }
    if found["threads_batch"] is RULE and plan.threads_batch == plan.threads:
        # Who chooses threads and says nothing of prefill means both.
        found["threads_batch"] = found["threads"]
    return found
