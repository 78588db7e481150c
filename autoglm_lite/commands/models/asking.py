"""A question before something is gone."""

from __future__ import annotations

import sys

from autoglm_lite.errors import UsageError


def agreed(question: str, yes: bool) -> bool:
    """What the person at the terminal answers; true without asking for `--yes`. Raises UsageError where nobody can
    answer."""
    if yes:
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"{question} Nobody is here to answer: add --yes.")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes", "j", "ja", "是", "好")
