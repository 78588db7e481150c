"""`autoglm-lite models import`: a GGUF that is on this disk already becomes a stored model where it lies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from autoglm_lite.store.adopting import Adopted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the action's options."""
    parser.add_argument("file", metavar="FILE", type=Path, help="a GGUF file; it is not copied, and stays where it is")
    parser.add_argument("--name", metavar="NAME", help="what to call the model (default: as the file is called)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Returns 0. Raises ModelFileError for what is no model, StoreError, UsageError."""
    from autoglm_lite.commands.measuring import print_anything
    from autoglm_lite.store.adopting import adopt
    from autoglm_lite.store.facts import stored_facts
    from autoglm_lite.store.models import is_ours, models_dir

    print_anything()
    file: Path = args.file.expanduser()
    if is_ours(file) and not args.name:
        return _as_it_is(file)
    # Read first: what is no model has no place in the store.
    stored_facts(file)
    done = adopt(models_dir(), file, args.name)
    if args.json:
        row = {"name": done.path.stem, "path": str(done.path), "way": done.way, "file": str(done.file)}
        print(json.dumps(row, ensure_ascii=False))
    else:
        print(sentence(done))
    return 0


def sentence(done: Adopted) -> str:
    """Which way it was taken in, and what that means."""
    from autoglm_lite.commands.models.table import printable

    name, file = printable(done.path.stem), printable(str(done.file))
    if done.way == "reflink":
        return (
            f"{name} is stored: it shares its bytes with {file} and takes no more room. Whatever happens to that file,"
            " the model stays as it is."
        )
    if done.way == "hard link":
        return (
            f"{name} is stored: it is a second name of {file} (a hard link) and takes no more room. It stays when that"
            " file is deleted; only a program that writes into the file would change it."
        )
    return (
        f"{name} is stored as a link to {file}, since {done.why}. It takes no room, and works as long as that file is"
        " there."
    )


def _as_it_is(file: Path) -> int:
    """The user has put or changed it in the folder on purpose: what was known of it before is forgotten."""
    from autoglm_lite.gguf.facts import read_facts
    from autoglm_lite.store.adopting import renew
    from autoglm_lite.store.models import models_dir

    read_facts(file)
    renew(models_dir(), file)
    print(f"{file.stem} is stored as it is now.")
    return 0
