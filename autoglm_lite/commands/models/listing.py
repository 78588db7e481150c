"""`autoglm-lite models list`: the stored models, what they are, and whether they run here."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from autoglm_lite.gguf.facts import ModelFacts
    from autoglm_lite.hardware.machine import Machine
    from autoglm_lite.planning.make import Verdict

SECONDS_TO_SAY = 2.0
"""For the service to say what it has in memory; a list is not worth more."""
VERDICTS: dict[Verdict, str] = {"fits": "yes", "tight": "tight", "streams": "slowly", "wont-fit": "no"}


@dataclass(frozen=True, slots=True)
class Listed:
    """A stored model; `facts` and `verdict` are None where `trouble` says what is wrong with it."""

    name: str
    path: Path
    n_bytes: int
    facts: ModelFacts | None
    verdict: Verdict | None
    trouble: str | None
    used: float | None
    """Seconds since 1970."""
    in_memory: bool = False
    """Of the running service."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the action's options."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Prints the list; returns 0."""
    from autoglm_lite.commands.devices import machine_with_devices
    from autoglm_lite.commands.measuring import print_anything
    from autoglm_lite.commands.models.table import amount, terminal_room
    from autoglm_lite.planning.make import Wishes
    from autoglm_lite.store.models import models_dir
    from autoglm_lite.store.space import read_space

    print_anything()
    paths = stored_paths()
    found = listed(paths, machine_with_devices(Wishes(), lambda _: None)) if paths else []
    space = read_space()
    if args.json:
        rows = [as_json(one) for one in found]
        print(json.dumps({"folder": str(models_dir()), "free_bytes": space.free, "models": rows}, ensure_ascii=False))
        return 0
    if not found:
        print(
            f"No model is stored in {models_dir()} yet. `autoglm-lite models recommend` says which suit this machine,"
            " `autoglm-lite models scan` finds those of other programs."
        )
        return 0
    print("\n".join(lines(found, time.time(), terminal_room())))
    free = "" if space.free is None else f", {amount(space.free)} free on the disk"
    print(f"\n{len(found)} {'model' if len(found) == 1 else 'models'}, {amount(space.models)} here{free}.")
    return 0


def stored_paths() -> list[Path]:
    """Of the stored models, with links that lead nowhere any more."""
    from autoglm_lite.store.models import SUFFIX, models_dir

    try:
        return sorted(path for path in models_dir().iterdir() if path.suffix == SUFFIX and not path.is_dir())
    except OSError:
        return []


def listed(paths: Sequence[Path], machine: Machine) -> list[Listed]:
    """What is known of each; of one that is removed meanwhile that it is gone. The first time takes half a second for
    each on an old machine."""
    import sys

    from autoglm_lite.commands.backend import served
    from autoglm_lite.commands.shell import StatusLine

    line, found = StatusLine(sys.stderr), list[Listed]()
    in_memory = {model.name for model in served(SECONDS_TO_SAY) if model.n_ctx}
    for number, path in enumerate(paths):
        if number and sys.stderr.isatty():
            line.show(f"reading {number} of {len(paths)} models")
        one = _listed(path, machine)
        found.append(replace(one, in_memory=path.stem in in_memory))
    line.clear()
    return found


def _listed(path: Path, machine: Machine) -> Listed:
    from autoglm_lite.errors import AutoglmError, ModelFileError
    from autoglm_lite.planning.make import Wishes, choose
    from autoglm_lite.store.facts import stored_facts
    from autoglm_lite.store.using import last_used

    n_bytes, used = 0, last_used(path)
    try:
        if path.is_symlink() and not path.exists():
            raise ModelFileError(f"It lies at {path.readlink()}, and nothing is there: `models rm` removes the link.")
        n_bytes = path.stat().st_size
        facts = stored_facts(path)
        verdict = choose(facts, machine, Wishes()).verdict
    except (AutoglmError, OSError) as error:
        return Listed(path.stem, path, n_bytes, None, None, str(error), used)
    return Listed(path.stem, path, n_bytes, facts, verdict, None, used)


def lines(found: Sequence[Listed], now: float, room: int | None) -> Iterator[str]:
    """The table, and below it a sentence for each that is not as it should be."""
    from autoglm_lite.commands.models.table import Column, amount, printable, table

    known = [one.facts for one in found]
    yield from table(
        (
            Column("NAME", [printable(one.name) for one in found]),
            Column("FAMILY", [printable(facts.architecture) if facts else "" for facts in known], keep=2),
            Column("PARAMS", [count(facts.n_params) if facts else "" for facts in known], right=True, keep=4),
            Column("TYPE", [printable(facts.file_type) if facts else "" for facts in known], keep=5),
            Column("SIZE", [amount(one.n_bytes) for one in found], right=True, keep=6),
            Column("CONTEXT", [f"{facts.n_ctx_train:,}" if facts else "" for facts in known], right=True, keep=3),
            Column("FITS", [_fits(one) for one in found], keep=7),
            Column("LAST USED", [ago(one.used, now) for one in found], keep=1),
        ),
        room,
    )
    for one in found:
        if one.trouble is not None:
            yield f"{printable(one.name)}: {printable(one.trouble)}"


def _fits(one: Listed) -> str:
    """What is in memory needs none of what is left of it."""
    if one.verdict is None:
        return "damaged"
    return "loaded" if one.in_memory else VERDICTS[one.verdict]


def as_json(one: Listed) -> dict[str, object]:
    facts = one.facts
    return {
        "name": one.name,
        "path": str(one.path),
        "title": facts and facts.name,
        "family": facts and facts.architecture,
        "parameters": facts and facts.n_params,
        "type": facts and facts.file_type,
        "bytes": one.n_bytes,
        "context": facts and facts.n_ctx_train,
        "use": facts and facts.use,
        "verdict": one.verdict,
        "in_memory": one.in_memory,
        "problem": one.trouble,
        "last_used": one.used and round(one.used),
    }


def count(n: int) -> str:
    """Of parameters: `1.5B`, `494M`."""
    for unit, letter in ((10**9, "B"), (10**6, "M"), (10**3, "K")):
        if n >= unit:
            return f"{n / unit:.1f}{letter}" if n < 100 * unit and letter == "B" else f"{n / unit:.0f}{letter}"
    return str(n)


def ago(then: float | None, now: float) -> str:
    """`never`, `today`, `3 days ago`, `2026-03-01`."""
    if then is None:
        return "never"
    days = int((now - then) // 86400)
    if days < 1:
        return "today"
    if days < 30:
        return f"{days} {'day' if days == 1 else 'days'} ago"
    return time.strftime("%Y-%m-%d", time.localtime(then))
