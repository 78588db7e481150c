"""The command line: the table of commands, and errors turned into a sentence and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from autoglm_lite import __version__

if TYPE_CHECKING:
    import argparse

COMMANDS = {
    "chat": "talk to a model, in the terminal app or with -p in the shell",
    "serve": "answer other programs: OpenAI's, Ollama's and Anthropic's protocols on this computer",
    "service": "have systemd run `serve` in the background, from the first request on",
    "pull": "get a model from a hub, an address or a file of this computer",
    "convert": "turn a Hugging Face checkpoint into a GGUF file",
    "doctor": "say what slows this machine down, and the commands that mend it",
    "imatrix": "measure which weights a text uses most, to quantise better",
    "perplexity": "measure how well a model expects a text, also against another",
    "models": "list the stored models, and import, check and remove them",
    "cache": "show or remove what models have read and is kept on disk",
    "plan": "say what a model will take on this machine, before it is loaded",
    "tune": "measure which way of loading a model is fastest on this machine, and keep it",
    "bench": "measure speed, waiting times and memory of a model on this machine",
    "rpc-server": "let another computer put a part of its model on this one",
}


def build_parser(command: str | None = None) -> argparse.ArgumentParser:
    """The whole parser; only `command`, if given, has its arguments, so that help needs no other import."""
    import argparse
    from importlib import import_module

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            """One line, where argparse prints the whole usage before it."""
            self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")

    class Formatter(argparse.HelpFormatter):
        def add_argument(self, action: argparse.Action) -> None:
            """argparse forgets that commands are indented when it looks for the longest name."""
            super().add_argument(action)
            if isinstance(action, argparse._SubParsersAction):
                longest = max(map(len, action.choices)) + self._current_indent + self._indent_increment
                self._action_max_length = max(self._action_max_length, longest)

    parser = Parser(
        prog="autoglm-lite",
        formatter_class=Formatter,
        allow_abbrev=False,
        description="Run a language model on the computer you already own.",
        epilog="Each command has its own --help. Documentation: README.md and docs/.",
    )
    parser.add_argument("--version", action="version", version=f"autoglm-lite {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        child = commands.add_parser(
            name,
            formatter_class=Formatter,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            allow_abbrev=False,
        )
        if name == command:
            import_module(f"autoglm_lite.commands.{module(name)}").add_arguments(child)
    return parser


def module(command: str) -> str:
    """The name of a command's module in autoglm_lite.commands."""
    return command.replace("-", "_")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    _open_missing_streams()
    try:
        try:
            return _main(list(sys.argv[1:] if argv is None else argv))
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130
    except BrokenPipeError:
        _discard_stdout()
        return 1
    except OSError as error:
        if os.environ.get("AUTOGLM_LITE_DEBUG") == "1":
            raise
        _discard_stdout()
        place = f" ({error.filename})" if error.filename else ""
        print(f"autoglm-lite: The system refuses: {error.strerror or error}{place}.", file=sys.stderr)
        return 1


def _main(arguments: list[str]) -> int:
    if arguments == ["--version"]:
        print(f"autoglm-lite {__version__}")
        return 0
    if not arguments:
        build_parser().print_help(sys.stderr)
        return 2
    command = next((a for a in arguments if not a.startswith("-")), None)
    parser = build_parser(command)
    parsed = parser.parse_args(arguments)
    return _run(command or "", parsed)


def _run(command: str, parsed: argparse.Namespace) -> int:
    from importlib import import_module

    from autoglm_lite.errors import AutoglmError

    try:
        code: int = import_module(f"autoglm_lite.commands.{module(command)}").run(parsed)
        return code
    except AutoglmError as error:
        failed, code = error, error.exit_code
    if os.environ.get("AUTOGLM_LITE_DEBUG") == "1":
        raise failed
    print(f"autoglm-lite: {failed}", file=sys.stderr)
    return code


def _open_missing_streams() -> None:
    """Standard streams that the caller has closed: else the next file opened would take their place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115, PTH123


def _discard_stdout() -> None:
    """Nobody takes our output any more; Python would complain again when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
