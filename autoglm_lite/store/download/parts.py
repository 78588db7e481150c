"""What came of files that are not complete, and can be gone on with."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from autoglm_lite.store.hub.answers import Identity
from autoglm_lite.store.wanted import Wanted, check_name

PARTIAL = "partial"
"""The folder within the models' folder for what is not complete."""


@dataclass(frozen=True, slots=True)
class Part:
    """What is on the disk of a file that is not complete."""

    wanted: Wanted
    done: int
    identity: Identity | None

    @property
    def total(self) -> int:
        return self.identity.n_bytes if self.identity else self.wanted.n_bytes


def parts(folder: Path) -> list[Part]:
    """Those in the models' folder that can be gone on with."""
    found = []
    for path in sorted((folder / PARTIAL).glob("*.json")):
        with suppress(OSError, ValueError, TypeError, KeyError):
            known = json.loads(path.read_bytes())
            wanted, identity = Wanted(**known["wanted"]), known["identity"]
            done = path.with_name(check_name(wanted.name) + ".part").stat().st_size
            if wanted.name == path.name.removesuffix(".json") and done:
                found.append(Part(wanted, done, Identity(**identity) if identity else None))
    return found


def remove_part(folder: Path, name: str) -> None:
    """Throws away what came of it."""
    for suffix in (".part", ".json"):
        with suppress(OSError):
            (folder / PARTIAL / (check_name(name) + suffix)).unlink()
