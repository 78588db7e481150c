"""Which files a `.gitignore` leaves out (gitignore(5); a class such as `[a-z]` is taken as Python's)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 100_000
"""Of one such file."""


@dataclass(frozen=True, slots=True)
class Rule:
    pattern: re.Pattern[str]
    """Of a path from the folder that the file is in."""
    again: bool
    """Whether it takes back what a rule before it leaves out."""
    folders_only: bool


def rules_in(folder: Path) -> list[Rule]:
    """Of the `.gitignore` in `folder`; none where there is none or it cannot be read."""
    try:
        with (folder / ".gitignore").open(encoding="utf-8", errors="replace") as file:
            lines = file.read(MOST_BYTES).splitlines()
    except OSError:
        return []
    return [rule for line in lines if (rule := parsed(line)) is not None]


def parsed(line: str) -> Rule | None:
    """None for an empty line, a comment, or what makes no pattern."""
    line = line.rstrip()
    if not line or line.startswith("#"):
        return None
    again = line.startswith("!")
    line = line.removeprefix("!")
    folders_only = line.endswith("/")
    line = line.rstrip("/")
    anchored = "/" in line
    line = line.removeprefix("/")
    try:
        pattern = re.compile(("" if anchored else "(?:.*/)?") + _regex(line))
    except re.error:
        return None
    return Rule(pattern, again, folders_only)


def leaves_out(rules: list[tuple[str, Rule]], path: str, *, is_folder: bool) -> bool:
    """Whether the last rule that fits `path` leaves it out; each rule comes with the folder, as `a/b/`, that its file
    is in."""
    for base, rule in reversed(rules):
        if (is_folder or not rule.folders_only) and rule.pattern.fullmatch(path.removeprefix(base)):
            return not rule.again
    return False


def _regex(glob: str) -> str:
    made, at = "", 0
    while at < len(glob):
        if glob.startswith("**/", at):
            made, at = made + "(?:.*/)?", at + 3
        elif glob.startswith("**", at):
            made, at = made + ".*", at + 2
        elif glob[at] in "*?":
            made, at = made + ("[^/]*" if glob[at] == "*" else "[^/]"), at + 1
        elif glob[at] == "[" and (end := glob.find("]", at + 2)) > 0:
            inside = glob[at + 1 : end]
            made, at = made + "[" + ("^" + inside[1:] if inside[0] == "!" else inside) + "]", end + 1
        else:
            at += glob[at] == "\\" and at + 1 < len(glob)
            made, at = made + re.escape(glob[at]), at + 1
    return made
