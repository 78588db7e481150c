"""What the models of other programs would be here: which can be used, and which of them are stored already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from autoglm_lite.gguf.facts import ModelFacts
    from autoglm_lite.hardware.machine import Machine
    from autoglm_lite.planning.make import Verdict
    from autoglm_lite.store.others.found import Found
    from autoglm_lite.store.others.known import Stored


@dataclass(frozen=True, slots=True)
class Seen:
    """A model that was found; `facts` and `verdict` are None where `trouble` says why it cannot be used."""

    found: Found
    n_bytes: int
    facts: ModelFacts | None
    verdict: Verdict | None
    trouble: str | None
    stored_as: str | None

    @property
    def offered(self) -> bool:
        """Whether it can be added."""
        return self.facts is not None and self.stored_as is None


def look(found: Found, machine: Machine, stored: Stored) -> Seen:
    """Reads its header, and nothing else of it."""
    from shlex import quote

    from autoglm_lite.errors import AutoglmError, ModelFileError
    from autoglm_lite.planning.make import Wishes, choose
    from autoglm_lite.store.facts import stored_facts

    n_bytes = 0
    try:
        n_bytes = found.path.stat().st_size
        if found.n_parts > 1:
            raise ModelFileError(
                f"It is in {found.n_parts} parts, and only a whole file can be used where it lies:"
                f" `autoglm-lite models import {quote(str(found.path))}` joins them."
            )
        facts = stored_facts(found.path)
        verdict = choose(facts, machine, Wishes()).verdict
    except (AutoglmError, OSError) as error:
        return Seen(found, n_bytes, None, None, str(error), stored.name_of(found))
    return Seen(found, n_bytes, facts, verdict, None, stored.name_of(found))


def picked(names: Sequence[str], seen: Sequence[Seen]) -> list[Seen]:
    """Those called so, by their programs or as files; all that can be added for the word `all`. Raises UsageError for
    one that cannot be added, and with the nearest names for one that there is not."""
    offered = [one for one in seen if one.offered]
    found: list[Seen] = []
    for name in names:
        same = offered if name == "all" else [_called(name, seen)]
        found += [one for one in same if one not in found]
    return found


def _called(name: str, seen: Sequence[Seen]) -> Seen:
    from difflib import get_close_matches

    from autoglm_lite.errors import UsageError

    same = [one for one in seen if name in (one.found.name, one.found.stem, str(one.found.path))]
    if len(same) > 1:
        raise UsageError(f"Several models are called {name}: give the path of one, such as {same[0].found.path}.")
    if not same:
        known = dict.fromkeys(called for one in seen if one.offered for called in (one.found.name, one.found.stem))
        near = get_close_matches(name, known, n=3, cutoff=0.4)
        perhaps = f" perhaps {' or '.join(near)} is meant" if near else " `models scan` says which there are"
        raise UsageError(f"No model called {name[:100]} was found:{perhaps}.")
    if same[0].stored_as is not None:
        raise UsageError(f"{name} is stored already, as {same[0].stored_as}: nothing is to be done.")
    if same[0].trouble is not None:
        raise UsageError(f"{name} cannot be added. {same[0].trouble}")
    return same[0]


def numbers_in(answer: str, most: int) -> list[int] | None:
    """Of an answer such as `1 3-5`, `all`, or nothing for none; None for any other."""
    if answer.strip().lower() in ("all", "全部"):
        return list(range(1, most + 1))
    if answer.strip().lower() in ("none", "no", "n"):
        return []
    found: list[int] = []
    for part in answer.replace(",", " ").replace("，", " ").split():
        first, dash, last = part.partition("-")
        if not (first.isdecimal() and (last.isdecimal() or not dash) and len(part) < 12):
            return None
        chosen = range(int(first), int(last or first) + 1)
        if not chosen or chosen[0] < 1 or chosen[-1] > most:
            return None
        found += [number for number in chosen if number not in found]
    return found


def free_name(models: Path, found: Found) -> str:
    """What the model can be called here: as its file, with its program behind it where that is taken, or a number."""
    from itertools import count

    from autoglm_lite.errors import UsageError
    from autoglm_lite.store.place import name_from

    program = found.program.lower().replace(" ", "-")
    try:
        name = name_from(found.stem)
    except UsageError:
        name = "model"
    tries = (name if n == 0 else name_from(f"{name[:90]}-{program}{'' if n == 1 else f'-{n}'}") for n in count())
    return next(one for one in tries if not _is_taken(models / f"{one}.gguf"))


def _is_taken(path: Path) -> bool:
    return path.is_symlink() or path.exists()
