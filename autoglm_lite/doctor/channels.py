"""Memory that is read over one channel where the processor has two.

The firmware's list of modules says so, or the measured speed alone lets one suspect it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from autoglm_lite.doctor.finding import Finding, Severity, size
from autoglm_lite.hardware.modules import Module, Modules
from autoglm_lite.hardware.survey import Survey

_CHANNEL_BITS = 64
_REACHED = 0.7
"""Share of what two channels could give that the cores of these processors reach together at the least."""
_OF_A_CORE = 8e9
"""Bytes per second that one core of them reads in any case, so that few cores are not taken for one channel."""


@dataclass(frozen=True, slots=True)
class Question:
    """A speed that memory on two channels exceeds, and what to say where it does not."""

    limit: float
    """Bytes per second."""
    severity: Severity
    why: str
    """What the speed is compared with."""
    fix: str


def one_channel(survey: Survey) -> Finding | None:
    asked, speed = question(survey), survey.bandwidth
    if asked is None or speed is None or speed > asked.limit:
        return None
    return Finding(
        id="memory-channel",
        severity=asked.severity,
        what=f"Memory is read at {size(speed)}/s by all cores together. {asked.why}",
        cost="A model answers at about half the speed that two channels allow: for each word all its weights are read.",
        fix=asked.fix,
    )


def question(survey: Survey) -> Question | None:
    """What a measured speed would tell; None where it would tell nothing, so that none need be measured."""
    # A virtual machine shares the memory of its host, and a limited process has not all of the cores.
    if "hypervisor" in survey.processor.words or survey.cpu_limit is not None:
        return None
    if survey.modules is None:
        return _by_speed(survey)
    filled, slots = survey.modules.filled, survey.modules.slots
    one = _channel_speed(filled[0])
    if one is None or len(filled) == slots:
        return None
    if len(filled) == 1:
        return _one_module(filled[0], slots, one)
    return _wrong_slots(survey, survey.modules, one)


def _one_module(module: Module, slots: int, limit: float) -> Question:
    # Modules are sold by powers of two.
    named = f"{module.size / (1 << 30):.0f} GB {module.kind or ''}".strip()
    where = f" ({module.slot})" if module.slot else ""
    return Question(
        limit=limit,
        severity="warning",
        why=f"Only one of {slots} memory slots is filled{where}, with {named} at {module.speed:,} MT/s, "
        f"and such a channel gives {size(limit)}/s at most.",
        fix=f"Put a second module, {named}, into the empty slot of the other channel; the manual names it.",
    )


def _wrong_slots(survey: Survey, modules: Modules, limit: float) -> Question | None:
    if not _quiet(survey) or _slowest_memory(survey) is None:
        return None
    return Question(
        limit=min(limit, _OF_A_CORE * survey.machine.physical_cores),
        severity="note",
        why=f"{len(modules.filled)} of {modules.slots} memory slots are filled, and one channel alone would give "
        f"{size(limit)}/s: perhaps all of them are on the same one.",
        fix="Move a module to a slot of the other channel, often marked by another colour; the manual names them.",
    )


def _by_speed(survey: Survey) -> Question | None:
    slowest = _slowest_memory(survey)
    if slowest is None or not _quiet(survey):
        return None
    both = 2 * slowest * 1e6 * _CHANNEL_BITS / 8
    limit = min(_REACHED * both, _OF_A_CORE * survey.machine.physical_cores)
    return Question(
        limit=limit,
        severity="note",
        why=f"Two channels give at least {size(limit)}/s with this processor, so perhaps only one is in use.",
        fix="Run this again while nothing else runs; if it stays, look for an empty slot (sudo dmidecode --type memory)"
        " and put a module like the first one there.",
    )


def _channel_speed(module: Module) -> float | None:
    """Bytes per second of a channel with such modules; None for soldered chips of other widths, which cannot be added
    to."""
    if module.bits != _CHANNEL_BITS or module.speed is None or (module.kind or "").startswith("LP"):
        return None
    return module.speed * 1e6 * module.bits / 8


def _quiet(survey: Survey) -> bool:
    """Whether other programs leave the memory to a measurement, and there are cores enough to tell channels apart."""
    load, cores = survey.activity.load, survey.machine.physical_cores
    return cores >= 2 and load is not None and load <= cores / 2


def _slowest_memory(survey: Survey) -> int | None:
    """Million transfers per second of the slowest memory that this processor was usually sold with; None for one that
    is not known to have two channels or more (Intel's ARK and AMD's product pages)."""
    name = survey.processor.name or ""
    if re.search(r"\bRyzen [3579]\b", name):
        return 2133
    # A Core i3-N305 is an Atom, with one channel.
    match = re.search(r"Core\(TM\) i[3579]-(\d{4,5})", name)
    if match is None:
        return None
    digits = match[1]
    generation = int(digits[:2] if digits.startswith("1") else digits[0])
    return 1066 if generation <= 5 else 1600 if generation <= 7 else 2133
