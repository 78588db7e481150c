"""`autoglm-lite cache`: what models have read and is kept on disk, shown or removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's options."""
    parser.add_argument(
        "action",
        nargs="?",
        choices=("show", "clear"),
        default="show",
        metavar="show|clear",
        help="say how much is kept (default), or remove it: conversations stay, but are read again when they go on",
    )


def run(args: argparse.Namespace) -> int:
    """Prints one sentence; returns 0. Raises AutoglmError for a folder that cannot be changed."""
    from autoglm_lite.errors import AutoglmError
    from autoglm_lite.paths import states_dir
    from autoglm_lite.planning.make import in_words
    from autoglm_lite.states.folder import budget, kept_states, unfinished_states

    folder = states_dir()
    kept = kept_states(folder)
    total = sum(size for _, size in kept)
    noun = "conversation" if len(kept) == 1 else "conversations"
    if args.action == "show":
        if not kept:
            print(f"Nothing is kept in {folder}.")
        else:
            limit = in_words(budget(folder))
            print(f"{len(kept)} {noun}, {in_words(total)} of at most {limit}, in {folder}.")
        return 0
    try:
        for path, _ in (*kept, *unfinished_states(folder)):
            path.unlink(missing_ok=True)
    except OSError as error:
        raise AutoglmError(f"{folder} cannot be cleared: {error.strerror}.") from error
    print(f"Removed what was kept of {len(kept)} {noun}: {in_words(total)}." if kept else "Nothing was kept.")
    return 0
