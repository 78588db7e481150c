"""`autoglm-lite models rm`: removes stored models, and says before and after what that frees."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from autoglm_lite.store.removing import Removal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the action's options."""
    parser.add_argument("names", nargs="+", metavar="NAME", help="a stored model; several may be given")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Returns 0, also where the answer is no. Raises ModelFileError, UsageError, StoreError."""
    from autoglm_lite.commands.measuring import print_anything
    from autoglm_lite.commands.models.asking import agreed
    from autoglm_lite.commands.models.table import amount
    from autoglm_lite.store.models import stored
    from autoglm_lite.store.removing import removal, remove

    print_anything()
    found = [removal(path) for path in dict.fromkeys(map(stored, args.names))]
    for one in found:
        print(sentence(one), file=sys.stderr)
    question = "Remove it?" if len(found) == 1 else f"Remove these {len(found)} models?"
    if not agreed(question, args.yes):
        print("Nothing was removed.", file=sys.stderr)
        return 0
    freed = {one.path.stem: remove(one.path) for one in found}
    if args.json:
        print(json.dumps({"removed": list(freed), "freed_bytes": sum(freed.values())}, ensure_ascii=False))
        return 0
    total = sum(freed.values())
    waiting = " as soon as those processes have ended" if any(one.users for one in found) and total else ""
    what = f"{amount(total)} of the disk are free now{waiting}" if total else "that freed nothing of the disk"
    print(f"Removed {', '.join(freed)}: {what}.")
    return 0


def sentence(one: Removal) -> str:
    """What removing it would do."""
    from autoglm_lite.commands.models.table import amount, printable

    name, where = printable(one.path.stem), "" if one.elsewhere is None else printable(str(one.elsewhere))
    if one.kept == "link":
        is_there = one.elsewhere is not None and one.elsewhere.exists()
        stays = "that file stays, and only the link is removed" if is_there else "nothing is there any more"
        text = f"{name} is a link to {where}: {stays}."
    elif one.kept == "hard link":
        there = f" ({where})" if where else ""
        text = f"{name} has another name on this disk{there}, which stays: its {amount(one.n_bytes)} are free when"
        text += " that is deleted too."
    elif one.kept == "reflink":
        text = f"{name} shares its {amount(one.n_bytes)} with {where}, which stays: next to nothing is freed."
    else:
        text = f"{name}: removing it frees {amount(one.frees)}."
    if one.users:
        pids = ", ".join(map(str, one.users))
        several = len(one.users) > 1
        text += (
            f" It is in use by process{'es' if several else ''} {pids}, which {'go' if several else 'goes'} on with it"
            " until the end."
        )
    return text
