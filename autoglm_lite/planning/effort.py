"""How hard a model computes, by what the battery and the processor's heat allow; pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from autoglm_lite.hardware.power import Power
from autoglm_lite.planning.plan import Plan

Cause = Literal["battery", "heat"]

NEAR_LIMIT = 5.0
"""°C below the temperature at which the processor is switched off: there most have begun to slow down by themselves."""
COOL = 15.0
"""°C below it, at which the processor counts as cool again."""
SECONDS_COOL = 60.0
"""For which it must have been so: with less work a processor cools in seconds, and heats up again as fast."""
PI_HOT = 0b1100
"""Of a Raspberry Pi's word: slowed down now, or at its soft limit of temperature."""


@dataclass(frozen=True, slots=True)
class Effort:
    threads: int
    nice: int


@dataclass(frozen=True, slots=True)
class Climate:
    """What is to be remembered from one reading to the next."""

    hot: bool = False
    seconds_cool: float = 0.0
    """Since the last sign of heat."""


def follow(climate: Climate, before: Power | None, now: Power, seconds: float) -> Climate:
    """The climate `seconds` after the reading `before`."""
    if _heats(before, now):
        return Climate(hot=True)
    cool = replace(climate, seconds_cool=climate.seconds_cool + seconds if _is_cool(now) else 0.0)
    return replace(cool, hot=climate.hot and cool.seconds_cool < SECONDS_COOL)


def effort_of(plan: Plan, climate: Climate, now: Power) -> tuple[Effort, Cause | None]:
    """How hard to compute now, and why less than `plan` says where it is less; never less without `plan.saving`."""
    full = Effort(max(plan.threads, plan.threads_batch), 0)
    cause: Cause | None = "battery" if now.on_mains is False else "heat" if climate.hot else None
    if plan.saving is None or cause is None:
        return full, None
    saving = Effort(min(full.threads, plan.saving.threads), plan.saving.nice)
    return saving, None if saving == full else cause


def _heats(before: Power | None, now: Power) -> bool:
    if before is not None and (now.throttled or 0) > (before.throttled or 0):
        return True
    if now.pi_faults is not None and now.pi_faults & PI_HOT:
        return True
    return _below_limit(now) <= NEAR_LIMIT


def _is_cool(now: Power) -> bool:
    return _below_limit(now) >= COOL


def _below_limit(now: Power) -> float:
    """°C; endless where no sensor tells."""
    if now.temperature is None or now.temperature_limit is None:
        return float("inf")
    return now.temperature_limit - now.temperature
