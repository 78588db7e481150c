"""What the app is told of models by whoever started it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from autoglm_lite.store.shelf import Look, Offer, Served


class Shelf(Protocol):
    """Everything may take a second, and is called in a thread, one call at a time.

    `given_back`: bytes that will be free once what is loaded now has gone. `at_rest`: nothing is computed now that a
    measurement would suffer from.
    """

    def look(self, path: Path, given_back: int, *, at_rest: bool) -> Look:
        """Raises AutoglmError for a file that is no model or gone."""

    def served(self) -> list[Served]:
        """What the running service knows; empty without one."""

    def offers(self, given_back: int, *, at_rest: bool) -> list[Offer]:
        """What can be had and suits this machine, the best first. Raises AutoglmError."""
