"""What is preferred for a model on this machine where the command line says nothing, from all that has been kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from autoglm_lite.gguf.facts import ModelFacts
    from autoglm_lite.hardware.machine import Machine
    from autoglm_lite.planning.make import Wishes
    from autoglm_lite.tune.tuned import Tuned


def preferred(
    wishes: Wishes,
    facts: ModelFacts,
    machine: Machine,
    profile: str | None,
    *,
    tuned: Tuned | None = None,
) -> Wishes:
    """`wishes` with its layers: the profile that is named, what was `tuned`, the user's own file, and where none was
    named the profile for this machine. A value is taken from the first that has it.

    Raises UsageError, ProfileError for a mistake in a profile.
    """
    from autoglm_lite.planning.make import choose
    from autoglm_lite.profiles.files import named_profile, own_profile, read_profiles
    from autoglm_lite.profiles.profile import chosen

    named = None if profile is None else named_profile(profile)
    layers = [] if named is None else [named.layer("profile", f"profile {named.name}", facts, machine)]
    if tuned is not None:
        layers.append(tuned.layer(roomy=choose(facts, machine, wishes).plan.repack))
    own = own_profile()
    if own is not None:
        layers.append(own.layer("own", "as your profile.toml says", facts, machine))
    if named is None:
        found = chosen(read_profiles(), machine)
        if found is not None:
            layers.append(found.layer("profile", f"profile {found.name}", facts, machine))
    return replace(wishes, profile=profile, layers=tuple(layers))


def read_tuned(facts: ModelFacts, machine: Machine, say: Callable[[str], object]) -> Tuned | None:
    """What was tuned for this model here. `say` gets a word on a file that is damaged."""
    from autoglm_lite.tune.tuned import identity, load

    try:
        return load(identity(facts, machine))
    except ValueError as error:
        say(f"{error}")
        return None
