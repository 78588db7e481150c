"""The one function that makes paths in the store, and what may be a name there."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from autoglm_lite.errors import UsageError

MOST_LETTERS = 120
"""Of a name: with what is put behind it, 255 bytes hold it in any script."""
_NAME = re.compile(r"\w[\w. +-]*", re.UNICODE)


def place(folder: Path, *names: str) -> Path:
    """The path of `names`, each within the one before, in `folder`, which is trusted as it is.

    Raises UsageError for a name that could lead anywhere else, and where a link stands in place of a folder between.
    """
    path = folder
    for name in names[:-1]:
        path = path / check(name)
        if path.is_symlink():
            raise UsageError(f"{path} is a link and not a folder, so nothing is kept there: remove it.")
    return path / check(names[-1])


def check(name: str) -> str:
    """`name` if it can be the name of a file in the store and is the same on each system. Raises UsageError."""
    if (
        len(name.encode("utf-8", "surrogatepass")) > 2 * MOST_LETTERS
        or not _NAME.fullmatch(name)
        or name.endswith((".", " "))
        or unicodedata.normalize("NFC", name) != name
        or name.split(".")[0].upper() in _DEVICES
    ):
        raise UsageError(f"{_quoted(name)} cannot be a name in the store: take letters, digits, and . _ - within.")
    return name


def name_from(text: str) -> str:
    """A name of the store that is as near as can be to `text`, such as the name of a file of others. Raises UsageError
    where nothing of it is left."""
    letters = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode())
    found = re.sub(r"[^\w.+-]+", "-", letters)[:MOST_LETTERS]
    while len(found.encode()) > MOST_LETTERS:
        found = found[:-1]
    return check(found.strip(".-+"))


def _quoted(name: str) -> str:
    return repr(name[:80].encode("utf-8", "backslashreplace").decode())


_DEVICES = frozenset({"CON", "PRN", "AUX", "NUL", *(f"{kind}{n}" for kind in ("COM", "LPT") for n in range(1, 10))})
"""Names that Windows keeps for itself, whatever follows the first point."""
