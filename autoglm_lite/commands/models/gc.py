"""`autoglm-lite models gc`: what was left behind in the models' folder goes."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from autoglm_lite.store.leftovers import Leftover

WHAT = {
    "partial": "a download or conversion that nobody went on with",
    "manifest": "what was known of a model that is gone",
    "mmproj": "what saw pictures for a model that is gone",
    "new": "a file that was never finished",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the action's options."""
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Returns 0, also where the answer is no. Raises StoreError, UsageError."""
    from autoglm_lite.commands.measuring import print_anything
    from autoglm_lite.commands.models.asking import agreed
    from autoglm_lite.commands.models.table import amount
    from autoglm_lite.errors import StoreError
    from autoglm_lite.store.leftovers import leftovers, remove_leftover, tidy
    from autoglm_lite.store.models import models_dir

    print_anything()
    models = models_dir()
    found = leftovers(models)
    freed = 0
    for one in found:
        print(sentence(one), file=sys.stderr)
    total = sum(one.n_bytes for one in found)
    removing = bool(found) and agreed(f"Remove all of that, {amount(total)}?", args.yes)
    # A download may have been gone on with while the question stood there.
    known = {one.paths for one in found}
    removed = [one for one in leftovers(models) if one.paths in known] if removing else []
    try:
        for one in removed:
            freed += remove_leftover(one)
    except OSError as error:
        raise StoreError(f"{error.filename} cannot be removed ({error.strerror}); check it.") from error
    tidied = tidy(models)
    if args.json:
        paths = [str(path) for one in removed for path in one.paths]
        print(json.dumps({"removed": paths, "freed_bytes": freed, "tidied": tidied}, ensure_ascii=False))
    elif removing:
        print(f"Removed: {amount(freed)} of the disk are free now.")
    elif not found:
        print(f"Nothing was left behind in {models}.")
    return 0


def sentence(one: Leftover) -> str:
    from autoglm_lite.commands.models.table import amount, printable

    age = f"{one.days:.0f} days old" if one.days >= 2 else "a day old" if one.days >= 1 else "of today"
    return f"{printable(one.paths[0].name)}: {WHAT[one.kind]}, {amount(one.n_bytes)}, {age}"
