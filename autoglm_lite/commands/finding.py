"""The model that a command was given, or how to get it where it is not here."""

from __future__ import annotations

from collections.abc import Callable, Container
from pathlib import Path
from typing import TYPE_CHECKING

from autoglm_lite.errors import ModelFileError, ProfileError, UsageError

if TYPE_CHECKING:
    from autoglm_lite.planning.make import Wishes
    from autoglm_lite.store.reference import HubReference


def find(
    name: str | None,
    wishes: Wishes | None = None,
    passed_over: Callable[[str], object] = lambda _: None,
    in_memory: Container[str] = (),
) -> Path:
    """As store.resolve, and a model of the list by its short name, wherever it was got from; where it is not here, the
    error says how to get it."""
    from autoglm_lite.store.models import resolve

    try:
        return resolve(name, wishes, passed_over, in_memory)
    except ModelFileError as error:
        reference = None if name is None else _of_the_list(name)
        if reference is None:
            raise
        from autoglm_lite.store.origins import stored_from

        here = stored_from(reference)
        if here is not None:
            return here
        raise ModelFileError(
            f"The model {name} is not on this computer yet: `autoglm-lite pull {name}` gets it."
        ) from error


def _of_the_list(name: str) -> HubReference | None:
    """Where a model of that name can be had; None where none of the list has it."""
    from autoglm_lite.profiles.named import known_reference

    try:
        return known_reference(name)
    except (UsageError, ProfileError):
        return None
