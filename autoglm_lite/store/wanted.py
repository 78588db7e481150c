"""A file that is to come from a hub."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file of the hub and what it is to be called here."""

    reference: str
    """hf:org/repo/file."""
    name: str
    """Of the file in the models' folder."""
    label: str
    """For people."""
    n_bytes: int
    """About, until the hub says it."""
    revision: str = "main"


def check_name(name: str) -> str:
    """`name` if it can only ever be a model in our folder. Raises ValueError."""
    if not re.fullmatch(r"[\w][\w. +-]{0,200}\.gguf", name):
        raise ValueError(f"{name!r} cannot be the name of a stored model")
    return name
