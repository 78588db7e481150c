"""Writes docs/cli.md from the commands' own help: `python docs/cli.py`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = Path(__file__).with_suffix(".md")
INTRODUCTION = """\
# Command line

<!-- Made by docs/cli.py from the program's own help; do not edit. -->

- A MODEL is the path of a GGUF file, the name of a stored model, or nothing: the best stored model that fits, else the
  built-in starter.
- A SIZE is written like `3.5GB`, `800MiB`, or as a plain number of bytes.
- Answers and results go to stdout; progress, reasoning, warnings and errors go to stderr. `--json` prints one JSON
  object on stdout.
- Exit codes: 0 done, 1 failed with one sentence on stderr, 2 wrong usage, 130 interrupted.
  `AUTOGLM_LITE_DEBUG=1` shows where an error came from.
- Everything is kept in the usual XDG folders, or under `AUTOGLM_LITE_HOME` if that is set.
"""


def page() -> str:
    """The whole page. argparse's own text is not used, since its layout differs between versions of Python."""
    from autoglm_lite.cli import COMMANDS, build_parser

    sections = [INTRODUCTION]
    for name, summary in COMMANDS.items():
        sections.append(f"## {name}\n\n{summary[0].upper()}{summary[1:]}.\n")
        parser = _parser_of(build_parser(name), name)
        sections += _groups(parser, name)
        for action, its_parser in _actions_of(parser):
            sections += _groups(its_parser, f"{name} {action}")
    return "\n".join(sections)


def _actions_of(parser: argparse.ArgumentParser) -> list[tuple[str, argparse.ArgumentParser]]:
    """Those of a command that have options of their own."""
    return [
        (name, found)
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
        for name, found in action.choices.items()
        if len(found._actions) > 1
    ]


def _parser_of(parser: argparse.ArgumentParser, command: str) -> argparse.ArgumentParser:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found = action.choices[command]
            assert isinstance(found, argparse.ArgumentParser)
            return found
    raise LookupError(command)


def _groups(parser: argparse.ArgumentParser, name: str) -> list[str]:
    arguments = [action for action in parser._actions if not action.option_strings]
    usage = " ".join(["autoglm-lite", name, *(_in_brackets(action) for action in arguments), "[OPTIONS]"])
    sections = [f"```\n{usage}\n```\n"]
    for group in parser._action_groups:
        actions = [
            listed
            for action in group._group_actions
            for listed in (action._choices_actions if isinstance(action, argparse._SubParsersAction) else [action])
        ]
        rows = [
            f"| `{_written(action)}` | {(action.help or '').replace('|', chr(92) + '|')} |"
            for action in actions
            if not isinstance(action, argparse._HelpAction)
        ]
        if rows:
            title = "" if group.title in ("positional arguments", "options") else f"{group.title}".capitalize()
            sections.append("\n".join([f"| {title} | |", "|---|---|", *rows, ""]))
    return sections


def _in_brackets(action: argparse.Action) -> str:
    if isinstance(action, argparse._SubParsersAction):
        return f"{action.metavar}" if action.required else f"[{action.metavar}]"
    written = {"?": "[{}]", "*": "[{}...]", "+": "{}..."}.get(str(action.nargs), "{}")
    return written.format(action.metavar)


def _written(action: argparse.Action) -> str:
    text = ", ".join(action.option_strings) or f"{action.metavar}"
    if action.option_strings and action.nargs != 0:
        text += f" {action.metavar}"
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    PAGE.write_text(page(), encoding="utf-8")
