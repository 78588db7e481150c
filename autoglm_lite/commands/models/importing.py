"""`autoglm-lite models import`: a GGUF that is on this disk already becomes a stored model where it lies."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from autoglm_lite.store.adopting import Adopted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the action's options."""
    parser.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        help="a GGUF file; it is not copied, and stays where it is. Of a split one any part: they are joined into one"
        " file, which takes as much room again",
    )
    parser.add_argument("--name", metavar="NAME", help="what to call the model (default: as the file is called)")
    parser.add_argument("--mmproj", metavar="FILE", type=Path, help="the file with which the model sees pictures")
    parser.add_argument("--yes", action="store_true", help="do not ask before parts are joined")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Returns 0; 1 where parts were not to be joined. Raises ModelFileError for what is no model, StoreError,
    UsageError."""
    from autoglm_lite.commands.measuring import print_anything
    from autoglm_lite.gguf.parts import part_names
    from autoglm_lite.store.models import is_ours

    print_anything()
    file: Path = args.file.expanduser()
    mmproj: Path | None = args.mmproj and args.mmproj.expanduser()
    if is_ours(file) and not args.name and mmproj is None:
        return _as_it_is(file, as_json=args.json)
    if len(part_names(file.name)) > 1:
        done = joined(file, args.name, yes=args.yes, mmproj=mmproj)
        if done is None:
            return 1
    else:
        done = whole(file, args.name, mmproj=mmproj)
    if args.json:
        row = {"name": done.path.stem, "path": str(done.path), "way": done.way, "file": str(done.file)}
        print(json.dumps(row, ensure_ascii=False))
    else:
        print(sentence(done))
    return 0


def whole(
    file: Path,
    name: str | None,
    *,
    source: str | None = None,
    sha256: str | None = None,
    licence: str | None = None,
    mmproj: Path | None = None,
) -> Adopted:
    """Takes in one file, after a look at whether it is a model. Raises ModelFileError, StoreError, UsageError."""
    from autoglm_lite.store.adopting import adopt
    from autoglm_lite.store.facts import stored_facts
    from autoglm_lite.store.models import models_dir

    stored_facts(file)
    return adopt(models_dir(), file, name, source=source, sha256=sha256, licence=licence, mmproj=mmproj)


def joined(
    part: Path,
    name: str | None,
    *,
    yes: bool,
    source: str | None = None,
    licence: str | None = None,
    mmproj: Path | None = None,
) -> Adopted | None:
    """Writes the parts of a split model into one file, which is what can be loaded; None where the user does not want
    that. The parts stay. Raises ModelFileError, StoreError, UsageError."""
    from autoglm_lite.commands.measuring import termination_as_interrupt
    from autoglm_lite.commands.models.asking import agreed
    from autoglm_lite.commands.models.table import amount
    from autoglm_lite.errors import StoreError
    from autoglm_lite.gguf.parts import part_names, whole_name
    from autoglm_lite.store.adopting import Adopted, adopt_joined
    from autoglm_lite.store.models import models_dir
    from converters.progress import Progress

    parts = [part.parent / one for one in part_names(part.name)]
    missing = [path.name for path in parts if not path.is_file()]
    if missing:
        raise StoreError(f"Of the model's {len(parts)} parts {missing[0]} is not in {part.parent}: get all of them.")
    n_bytes = sum(path.stat().st_size for path in parts)
    question = (
        f"{whole_name(part.name)} comes in {len(parts)} parts, and only one file can be loaded. Joining them writes"
        f" {amount(n_bytes)}; the parts stay, until you delete them. Join them?"
    )
    if not agreed(question, yes):
        return None
    progress = Progress(sys.stderr)
    try:
        with termination_as_interrupt():
            path = adopt_joined(
                models_dir(), parts, name, progress, source=source or str(parts[0]), licence=licence, mmproj=mmproj
            )
    finally:
        progress.close()
    return Adopted(path, "joined", parts[0], n_bytes)


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
    if done.way == "joined":
        return f"{name} is stored, in one file. The parts beside {file} are not needed any more."
    return (
        f"{name} is stored as a link to {file}, since {done.why}. It takes no room, and works as long as that file is"
        " there."
    )


def _as_it_is(file: Path, *, as_json: bool) -> int:
    """The user has put or changed it in the folder on purpose: what was known of it before is forgotten."""
    from autoglm_lite.gguf.facts import read_facts
    from autoglm_lite.store.adopting import renew
    from autoglm_lite.store.models import models_dir

    read_facts(file)
    renew(models_dir(), file)
    if as_json:
        row = {"name": file.stem, "path": str(file), "way": "found", "file": str(file.resolve())}
        print(json.dumps(row, ensure_ascii=False))
    else:
        print(f"{file.stem} is stored as it is now.")
    return 0
