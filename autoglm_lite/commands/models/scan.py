"""`autoglm-lite models scan`: models that other programs have on this disk, to be used where they lie."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from autoglm_lite.commands.models.others import Seen
    from autoglm_lite.store.adopting import Adopted

PROGRAMS = "Ollama, LM Studio, the Hugging Face and ModelScope caches, GPT4All, Jan and llama.cpp"
ROOM_FOR_ALL = 100
"""Cells of a line; with less, a name tells more than what it says itself of parameters and type."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the action's options."""
    parser.add_argument(
        "--add",
        metavar="NAME",
        action="append",
        default=[],
        help="store this one where it lies, without a copy and without asking; may be given several times; all: each",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object, and ask nothing")


def run(args: argparse.Namespace) -> int:
    """Lists, and adds what is asked for; returns 0, or 1 where one could not be added. Raises UsageError for a name
    that is none."""
    from autoglm_lite.commands.devices import machine_with_devices
    from autoglm_lite.commands.measuring import print_anything
    from autoglm_lite.commands.models.others import look, picked
    from autoglm_lite.planning.make import Wishes
    from autoglm_lite.store.models import models_dir
    from autoglm_lite.store.others.computer import this_computer
    from autoglm_lite.store.others.known import read_stored
    from autoglm_lite.store.others.search import find_models, locked_folders

    print_anything()
    computer, stored = this_computer(), read_stored(models_dir())
    found, locked = find_models(computer), [str(folder) for folder in locked_folders(computer)]
    machine = machine_with_devices(Wishes(), lambda _: None) if found else None
    seen = [] if machine is None else [look(one, machine, stored) for one in found]
    if args.json:
        chosen = picked(args.add, seen)
        added = [done for one in chosen if (done := add(one)) is not None]
        print(json.dumps(as_json(seen, added, locked), ensure_ascii=False))
        return int(len(added) < len(chosen))
    print("\n".join(lines(seen, locked)))
    offered = [one for one in seen if one.offered]
    chosen = picked(args.add, seen) if args.add else asked(offered)
    added = []
    for one in chosen:
        if (done := add(one)) is not None:
            added.append(done)
            print("\n".join(said(one, done)))
    if offered and not chosen:
        print("`autoglm-lite models scan --add NAME` stores one where it lies, without a copy; --add all: each.")
    return int(len(added) < len(chosen))


def add(one: Seen) -> Adopted | None:
    """Has it be a stored model, with what sees pictures for it; None where that cannot be, and then stderr says why."""
    from autoglm_lite.commands.models.others import free_name
    from autoglm_lite.commands.models.table import printable
    from autoglm_lite.errors import StoreError, UsageError
    from autoglm_lite.store.adopting import adopt
    from autoglm_lite.store.models import models_dir

    found = one.found
    try:
        return adopt(
            models_dir(),
            found.path,
            free_name(models_dir(), found),
            source=found.source,
            sha256=found.sha256,
            licence=found.licence,
            mmproj=found.mmproj,
            mmproj_sha256=found.mmproj_sha256,
        )
    except (StoreError, UsageError) as error:
        print(f"{printable(shown(one))}: {printable(str(error))}", file=sys.stderr)
        return None


def said(one: Seen, done: Adopted) -> Iterator[str]:
    from shlex import quote

    from autoglm_lite.commands.models.importing import sentence

    yield sentence(done)
    if one.facts is not None and one.facts.use == "chat":
        yield f"  `autoglm-lite chat {quote(done.path.stem)}` talks to it."


def asked(offered: Sequence[Seen]) -> list[Seen]:
    """Those that the person at the terminal chooses; none where there is no terminal."""
    from autoglm_lite.commands.models.others import numbers_in

    if not offered or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return []
    print("Which are to be used where they lie, without a copy? Their numbers, such as 1 3-4, or all; Enter: none.")
    while True:
        print("> ", end="", flush=True)
        numbers = numbers_in(sys.stdin.readline(), len(offered))
        if numbers is not None:
            return [offered[number - 1] for number in numbers]
        print(f"Give numbers from 1 to {len(offered)}, all, or nothing.")


def lines(seen: Sequence[Seen], locked: Sequence[str]) -> Iterator[str]:
    """The table, with a number for each that can be added, and a sentence for each that cannot be used."""
    from autoglm_lite.commands.models.listing import count
    from autoglm_lite.commands.models.table import Column, amount, printable, table, terminal_room

    offered = [one for one in seen if one.offered]
    if seen:
        wide, room = len(str(len(offered))), terminal_room()
        numbers = [f"{offered.index(one) + 1:{wide}}" if one.offered else " " * wide for one in seen]
        known = [one.facts for one in seen]
        columns = [
            Column("NAME", [f"{n}  {printable(shown(one))}" for n, one in zip(numbers, seen, strict=True)]),
            Column("PROGRAM", [one.found.program.removesuffix(" cache") for one in seen], keep=3),
            Column("PARAMS", [count(facts.n_params) if facts else "" for facts in known], right=True),
            Column("TYPE", [printable(facts.file_type) if facts else "" for facts in known]),
            Column("SIZE", [amount(one.n_bytes) for one in seen], right=True, keep=2),
            Column("FOR", [_use(one) for one in seen], keep=1),
            Column("FITS", [_fits(one) for one in seen], keep=4),
        ]
        if room is not None and room < ROOM_FOR_ALL:
            del columns[2:4]
        yield from table(columns, room)
    else:
        yield f"No model was found in the folders of {PROGRAMS}."
    for one in seen:
        if one.trouble is not None and one.stored_as is None:
            yield f"{printable(shown(one))}: {printable(one.trouble)}"
    for folder in locked:
        yield f"{printable(folder)} may not be read by this user, so nothing there was found."


def shown(one: Seen) -> str:
    """What its program calls it, or where that is a path, what its file is called: a line has little room."""
    return one.found.stem if "/" in one.found.name else one.found.name


def _fits(one: Seen) -> str:
    from autoglm_lite.commands.models.listing import VERDICTS

    if one.stored_as is not None:
        return "stored"
    return "unusable" if one.verdict is None else VERDICTS[one.verdict]


def _use(one: Seen) -> str:
    if one.facts is None:
        return ""
    return "pictures" if one.facts.use == "chat" and one.found.mmproj else one.facts.use


def as_json(seen: Sequence[Seen], added: Sequence[Adopted], locked: Sequence[str]) -> dict[str, object]:
    new = {done.file: done for done in added}
    return {"models": [_row(one, new.get(one.found.path)) for one in seen], "unreadable_folders": list(locked)}


def _row(one: Seen, added: Adopted | None) -> dict[str, object]:
    found, facts = one.found, one.facts
    return {
        "program": found.program,
        "name": found.name,
        "path": str(found.path),
        "mmproj": found.mmproj and str(found.mmproj),
        "sha256": found.sha256,
        "source": found.source,
        "licence": found.licence,
        "bytes": one.n_bytes,
        "parameters": facts and facts.n_params,
        "type": facts and facts.file_type,
        "context": facts and facts.n_ctx_train,
        "use": facts and facts.use,
        "verdict": one.verdict,
        "problem": one.trouble,
        "stored_as": one.stored_as if added is None else added.path.stem,
        "added": None if added is None else added.way,
    }
