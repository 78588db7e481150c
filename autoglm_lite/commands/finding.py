"""The model that a command was given, or how to get it where it is not here."""

from __future__ import annotations

from collections.abc import Callable, Container
from pathlib import Path
from typing import TYPE_CHECKING

from autoglm_lite.errors import ModelFileError, ProfileError, UsageError

if TYPE_CHECKING:
    from autoglm_lite.planning.make import Wishes


def find(
    name: str | None,
    wishes: Wishes | None = None,
    passed_over: Callable[[str], object] = lambda _: None,
    in_memory: Container[str] = (),
) -> Path:
    """As store.resolve; where nothing is called so here, but a model of the list is, the error says how to get it."""
    from autoglm_lite.store.models import resolve

    try:
        return resolve(name, wishes, passed_over, in_memory)
    except ModelFileError as error:
        if name is None or not _is_of_the_list(name):
            raise
        raise ModelFileError(
            f"The model {name} is not on this computer yet: `autoglm-lite pull {name}` gets it."
        ) from error


def _is_of_the_list(name: str) -> bool:
    from autoglm_lite.profiles.models import read_models
    from autoglm_lite.profiles.named import known_model

    try:
        return bool(known_model(name, read_models())[0].files)
    except (UsageError, ProfileError):
        return False
