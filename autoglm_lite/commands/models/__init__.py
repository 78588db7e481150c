"""`autoglm-lite models`: what is stored, where it came from, what it takes, and how it goes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

ACTIONS = {
    "list": "show the stored models, and which of them run well here",
    "show": "show all that is known of a stored model",
    "import": "have a GGUF file that is on this disk already be a stored model, without a copy",
    "scan": "find the models of Ollama, LM Studio and other programs, to be used where they lie",
    "recommend": "say which models suit this machine best, and how to get them",
    "verify": "read stored models whole, and say which are not what they were",
    "rm": "remove stored models",
    "gc": "remove what was left behind: downloads that nobody goes on with, and the like",
}
"""Each is a module here, with `add_arguments` and `run`."""
MODULES = {"list": "listing", "import": "importing"}
"""Where a module cannot have the action's name."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the actions and their options; without one it is `list`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=False)
    for name, summary in ACTIONS.items():
        child = actions.add_parser(
            name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", allow_abbrev=False
        )
        _module(name).add_arguments(child)
    _module("list").add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Returns the exit code of the action. Raises AutoglmError."""
    code: int = _module(args.action or "list").run(args)
    return code


def _module(action: str) -> Any:
    return import_module(f"{__name__}.{MODULES.get(action, action)}")
