"""What came of models that are not complete, and can be gone on with."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from autoglm_lite.store.download.note import LOCK, NOTE, PART, PARTIAL, read_note
from autoglm_lite.store.download.ranges import Ranges
from autoglm_lite.store.download.turn import Turn
from autoglm_lite.store.place import place
from autoglm_lite.store.wanted import Wanted, check_name


@dataclass(frozen=True, slots=True)
class Part:
    """What is on the disk of a model that the app was told to get."""

    wanted: Wanted
    done: int
    total: int
    """Bytes."""


def parts(folder: Path) -> list[Part]:
    """Those in the models' folder that can be gone on with."""
    found = []
    for path in sorted((folder / PARTIAL).glob("*" + NOTE)):
        with suppress(OSError, ValueError, TypeError, KeyError):
            name = check_name(path.name.removesuffix(NOTE))
            note = read_note(path, path.with_name(name + PART).stat().st_size)
            if note is not None and note.done:
                wanted = Wanted(**note.beside["wanted"])  # type: ignore[arg-type]
                total = wanted.n_bytes if note.n_bytes is None else note.n_bytes
                if wanted.name == name:
                    found.append(Part(wanted, Ranges(note.done).n_bytes, total))
    return found


def remove_part(folder: Path, name: str) -> None:
    """Throws away what came of it, unless another program is getting it."""
    check_name(name)
    turn = Turn(place(folder, PARTIAL, name + LOCK))
    with suppress(OSError):
        if turn.take():
            for suffix in (NOTE, PART):
                place(folder, PARTIAL, name + suffix).unlink(missing_ok=True)
            turn.give_back()
