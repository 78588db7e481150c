"""A model as it would be loaded now, for commands that load one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from autoglm_lite.gguf.facts import ModelFacts
    from autoglm_lite.hardware.machine import Machine
    from autoglm_lite.planning.make import Choice, Wishes
    from autoglm_lite.planning.plan import Plan


@dataclass(frozen=True, slots=True)
class Planned:
    choice: Choice
    """Its plan knows the model's whole path."""
    machine: Machine
    wishes: Wishes
    """With what is preferred where the user asked for nothing."""
    lighter: tuple[Plan, ...]
    """What to try in turn if devices refuse the plan."""


def planned(
    facts: ModelFacts, path: Path, wishes: Wishes, profile: str | None, say: Callable[[str], None], taken: int = 0
) -> tuple[Plan, tuple[Plan, ...]]:
    """The plan, and what to try in turn if devices refuse it. `say` gets what the user should know.

    `taken`: bytes that the system counts as free though other models read them again and again. Raises UsageError,
    ProfileError, and WillNotFitError with what would fit.
    """
    found = decided(facts, path, wishes, profile, say, taken)
    return found.choice.plan, found.lighter


def decided(
    facts: ModelFacts, path: Path, wishes: Wishes, profile: str | None, say: Callable[[str], None], taken: int = 0
) -> Planned:
    """As `planned`, with all that the plan was made from. It is noted that the model is used."""
    from autoglm_lite.commands.devices import machine_with_devices
    from autoglm_lite.commands.preferences import preferred, read_tuned
    from autoglm_lite.heap import return_freed_memory
    from autoglm_lite.planning.make import decide, fallbacks, notices
    from autoglm_lite.store.loading import noted_and_checked
    from autoglm_lite.worker.sizes import exact_sizes

    machine = machine_with_devices(wishes, say)
    machine = replace(machine, memory_available=max(0, machine.memory_available - taken))
    wishes = preferred(wishes, facts, machine, profile, tuned=read_tuned(facts, machine, say))
    choice = decide(facts, machine, wishes, exact_sizes)
    plan = replace(choice.plan, model_path=str(path.absolute()))
    for notice in notices(facts, machine, wishes, choice):
        say(notice)
    if damage := noted_and_checked(path):
        say(damage)
    # What reading a large vocabulary took: 15 MB for 150,000 tokens.
    return_freed_memory()
    return Planned(replace(choice, plan=plan), machine, wishes, fallbacks(facts, machine, wishes, plan))
