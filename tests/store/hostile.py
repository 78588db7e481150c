"""Names that would lead out of the store, or mislead a person, if anybody believed them."""

from __future__ import annotations

from itertools import product
from pathlib import Path

PARENTS = ("..", "%2e%2e", "．．", "․․", "‥", "..;", ". .", "..\u200b", "\u202e..", "..\0", "....", "..\t")
BETWEEN = ("/", "\\", "%2f", "%5c", "／", "∕", "⧸", "/./", "//")
ABSOLUTE = (
    "/tmp/x",
    "//tmp/x",
    "///tmp/x",
    "file:///tmp/x",
    "C:\\x",
    "C:x",
    "\\\\host\\x",
    "~/x",
    "~root/x",
    "$HOME/x",
)
SHELL = (
    "$(id)",
    "`id`",
    "|id",
    ";id",
    "&id",
    ">x",
    "<x",
    "*",
    "?",
    "a*b",
    "a?b",
    '"',
    "'",
    "${HOME}",
    "%APPDATA%",
    "!x",
)
CONTROLS = (0, 1, 7, 8, 9, 10, 13, 27, 127, 0x85, 0x9B, 0xAD, 0x200B, 0x200D, 0x200E, 0x200F, 0x2028, 0x2029)
STEERING = (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF, 0xFFFE, 0xD800, 0xDFFF, 0xE000, 0xE0001)
DEVICES = ("con", "NUL", "nul.part", "COM1", "com9.x", "LPT1", "aux", "PRN.tar")
COMPOSED = ("e\u0301", "A\u030a", "\u212b", "\u1100\u1161", "\u0344", "\u2126", "\u0958", "か\u3099")
ODD = (
    ".",
    "..",
    "...",
    ".hidden",
    "-x",
    "--yes",
    "a ",
    " a",
    "a.",
    "a/",
    "/a",
    "a/b",
    "a\\b",
    "a:b",
    "a" * 300,
    "模" * 100,
)


def hostile_names() -> list[str]:
    """All different; none of them can be the name of a file in the store."""
    steps = [f"{parent}{between}x" for parent, between in product(PARENTS, BETWEEN)]
    deep = [between.join([".."] * 8 + ["etc", "passwd"]) for between in BETWEEN]
    within = [f"a{chr(number)}b" for number in (*CONTROLS, *STEERING)]
    found = [*steps, *deep, *within, *ABSOLUTE, *SHELL, *DEVICES, *COMPOSED, *ODD]
    assert len(set(found)) == len(found)
    return found


Tree = dict[str, tuple[int, ...]]


def tree(*folders: Path) -> Tree:
    """All that is in them, such that any change of a file, its mode or its names shows."""
    found: Tree = {}
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            status = path.lstat()
            kept = (
                status.st_ino,
                status.st_mode,
                status.st_nlink,
                status.st_size,
                status.st_mtime_ns,
                status.st_ctime_ns,
            )
            found[str(path)] = kept
    return found
