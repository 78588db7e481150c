"""`autoglm-lite models recommend`: the best few models for this machine, and the command that gets each."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from autoglm_lite.commands.options import size

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from autoglm_lite.commands.models.advice import Words
    from autoglm_lite.commands.proposals import Proposal
    from autoglm_lite.hardware.machine import Machine

START = "autoglm-lite"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the action's options."""
    parser.add_argument(
        "--memory", type=size, metavar="SIZE", help="memory that may be used, such as 3.5GB (default: what is free)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Prints what suits, or what would; returns 0. Raises ProfileError, UsageError."""
    from autoglm_lite.commands.bandwidth import memory_bandwidth_apart
    from autoglm_lite.commands.measuring import print_anything
    from autoglm_lite.commands.models.advice import words
    from autoglm_lite.commands.proposals import proposals
    from autoglm_lite.hardware.machine import read_machine

    print_anything()
    machine = read_machine()
    memory = machine.memory_available if args.memory is None else args.memory
    bandwidth = memory_bandwidth_apart(machine.physical_cores, machine.memory_available)
    found = proposals(machine, memory, bandwidth)
    commands = {one.reference: command for one, command in zip(found, here(found), strict=True)}
    if args.json:
        rows = [as_json(one, commands[one.reference]) for one in found]
        print(json.dumps({"memory_bytes": memory, "models": rows}, ensure_ascii=False))
    else:
        print("\n".join(page(found, commands, memory, machine, bandwidth, words(os.environ))))
    return 0


def here(found: Sequence[Proposal]) -> Iterator[tuple[str, str]]:
    """For each whether it is `stored`, another program's, or to `get`; and the command that uses or gets it."""
    from shlex import quote

    from autoglm_lite.store.models import models_dir, stored_models
    from autoglm_lite.store.others.computer import this_computer
    from autoglm_lite.store.others.search import find_models

    stored = {mark: path.stem for path in stored_models() for mark in _marks(models_dir(), path)}
    others = {mark: one for one in reversed(find_models(this_computer())) for mark in (one.source, one.stem.lower())}
    for one in found:
        file = one.reference.rpartition("/")[2].removesuffix(".gguf").lower()
        repo = one.model.reference.rpartition("/")[2].lower()
        marks = [mark for mark in (one.reference, file, f"{repo}-{one.type.lower()}") if not _says_nothing(mark)]
        name = next((stored[mark] for mark in marks if mark in stored), None)
        other = next((others[mark] for mark in marks if mark in others), None)
        if name is not None:
            yield "stored", f"{START} chat {quote(name)}"
        elif other is not None:
            yield other.program, f"{START} models scan --add {quote(other.name)}"
        else:
            yield "get", f"{START} pull {one.model.id}:{one.type}"


def _marks(models: Path, path: Path) -> Iterator[str]:
    """What tells which model of the list a stored one is: where it came from, or its name."""
    from autoglm_lite.errors import UsageError
    from autoglm_lite.store.manifest import read_manifest

    yield path.stem.lower()
    try:
        manifest = read_manifest(models, path.stem)
    except UsageError:
        return
    if manifest is not None and manifest.source is not None:
        yield manifest.source


def _says_nothing(mark: str) -> bool:
    """Whether any model's file may be called so."""
    return mark.startswith(("model", "ggml-model"))


def page(
    found: Sequence[Proposal],
    commands: Mapping[str, tuple[str, str]],
    memory: int,
    machine: Machine,
    bandwidth: float | None,
    words: Words,
) -> Iterator[str]:
    """In the user's language."""
    from autoglm_lite.commands.models.table import printable
    from autoglm_lite.planning.make import in_words

    if not found:
        yield from _nothing(memory, machine, bandwidth, words)
        return
    yield words.best.format(memory=in_words(memory))
    for number, one in enumerate(found, 1):
        where, command = commands[one.reference]
        yield ""
        yield f"{number}. {one.model.name} ({one.type})" + words.colon + words.good_at(one.model.good_at)
        speed = "" if one.decode is None else words.speed.format(speed=_number(one.decode))
        yield "   " + words.takes.format(
            size=in_words(one.n_bytes), needed=in_words(one.needed), speed=speed, licence=one.model.licence
        )
        if where != "get":
            yield "   " + (words.stored if where == "stored" else words.elsewhere.format(program=where))
        yield f"   {printable(command)}"


def _nothing(memory: int, machine: Machine, bandwidth: float | None, words: Words) -> Iterator[str]:
    """What would fit, with more memory."""
    from autoglm_lite.commands.proposals import least, proposals
    from autoglm_lite.planning.make import in_words

    smallest = least()
    yield words.nothing.format(memory=in_words(memory), name=smallest.model.name, needed=in_words(smallest.needed))
    alone = proposals(machine, machine.memory_total * 9 // 10, bandwidth)
    if alone and machine.memory_total > memory:
        yield words.alone.format(name=alone[0].model.name, command=f"{START} pull {alone[0].model.id}")
    yield words.starter.format(command=f"{START} chat")


def as_json(one: Proposal, here: tuple[str, str]) -> dict[str, object]:
    where, command = here
    return {
        "id": one.model.id,
        "name": one.model.name,
        "family": one.model.family,
        "type": one.type,
        "reference": one.reference,
        "parameters": one.model.parameters,
        "context": one.model.context,
        "bytes": one.n_bytes,
        "needed_bytes": one.needed,
        "tokens_per_second": None if one.decode is None else round(one.decode, 2),
        "licence": one.model.licence,
        "good_at": list(one.model.good_at),
        "stored": where == "stored",
        "program": where if where not in ("stored", "get") else None,
        "command": command,
    }


def _number(tokens_per_second: float) -> str:
    return f"{tokens_per_second:,.0f}" if tokens_per_second >= 10 else f"{tokens_per_second:.1f}"
