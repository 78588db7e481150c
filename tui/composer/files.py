"""Files to attach, found by some letters of their names."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from pathlib import Path

from tui.composer.ignored import Rule, leaves_out, rules_in

MOST_FILES = 20_000
SECONDS_OF_WALK = 1.5
"""A home folder with a million files on a slow disk is not walked to its end."""
SECONDS_FRESH = 10.0
"""How long a walk is good for."""
MOST_SHOWN = 50
MOST_IN_A_FOLDER = 5000
HEAVY = {"node_modules", "__pycache__", "site-packages"}
"""Folders of files that nobody wrote here; those whose names begin with a dot are left out as well."""


class Files:
    """Those below one folder. Methods touch the disk: call them in a thread, from any."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()
        self._found: list[str] = []
        self._walked = -SECONDS_FRESH

    def matching(self, typed: str) -> list[str]:
        """Paths from `root` for what was typed after the @; folders end with a slash, and are offered only where
        `typed` has a slash itself: it is then a path, which may be absolute, hidden, or begin with ~/ or ../."""
        if "/" in typed or typed in ("~", "..", "."):
            return self._in_folder(typed)
        with self._lock:
            if time.monotonic() - self._walked > SECONDS_FRESH:
                self._found = walk(self.root)
                self._walked = time.monotonic()
            found = self._found
        return best(typed, found)

    def path(self, shown: str) -> Path:
        """The file that `matching` shows so."""
        return self.root / Path(shown).expanduser()

    def _in_folder(self, typed: str) -> list[str]:
        head, slash, start = typed.rpartition("/")
        folder, start = (head + slash, start) if slash else (typed + "/", "")
        found: list[str] = []
        try:
            with os.scandir(self.path(folder)) as entries:
                for n, entry in enumerate(entries):
                    if n >= MOST_IN_A_FOLDER:
                        break
                    name = entry.name
                    if name.lower().startswith(start.lower()) and (start or not name.startswith(".")):
                        found.append(f"{folder}{name}/" if entry.is_dir() else f"{folder}{name}")
        except (OSError, RuntimeError):
            return []
        return sorted(found, key=lambda path: (not path.endswith("/"), path.lower()))[:MOST_SHOWN]


def walk(root: Path, seconds: float = SECONDS_OF_WALK) -> list[str]:
    """Files below `root`, the nearest first, without hidden ones, those that a .gitignore leaves out, and what is
    behind symbolic links to folders."""
    end = time.monotonic() + seconds
    found: list[str] = []
    waiting: deque[tuple[str, list[tuple[str, Rule]]]] = deque([("", [])])
    while waiting and len(found) < MOST_FILES and time.monotonic() < end:
        base, rules = waiting.popleft()
        folder = root / base
        own = rules_in(folder)
        rules = [*rules, *((base, rule) for rule in own)] if own else rules
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    is_folder = entry.is_dir(follow_symlinks=False)
                    if entry.name.startswith(".") or (is_folder and entry.name in HEAVY):
                        continue
                    path = base + entry.name
                    if leaves_out(rules, path, is_folder=is_folder):
                        continue
                    if is_folder:
                        waiting.append((f"{path}/", rules))
                    elif entry.is_file():
                        found.append(path)
                    if len(found) >= MOST_FILES or time.monotonic() > end:
                        break
        except OSError:
            continue
    return found


def best(typed: str, paths: list[str]) -> list[str]:
    """Those of `paths` that have the letters of `typed` in this order: best where the name begins with them, then
    where the name has them together, then the path."""
    wanted = typed.lower()
    ranked: list[tuple[int, int, str]] = []
    for path in paths:
        lower = path.lower()
        name = lower.rpartition("/")[2]
        if name.startswith(wanted):
            rank = 0
        elif wanted in name:
            rank = 1
        elif wanted in lower:
            rank = 2
        elif _in_order(wanted, lower):
            rank = 3
        else:
            continue
        ranked.append((rank, path.count("/") * 100 + len(path), path))
    return [path for _, _, path in sorted(ranked)[:MOST_SHOWN]]


def _in_order(letters: str, text: str) -> bool:
    at = -1
    return all((at := text.find(letter, at + 1)) >= 0 for letter in letters)
