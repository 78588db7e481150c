"""Files that are dropped on the terminal, which pastes their paths: quoted, escaped, or as file:// addresses."""

from __future__ import annotations

import shlex
from pathlib import Path
from urllib.parse import unquote, urlsplit

LONGEST = 20_000
"""Characters of a paste that may be paths."""


def dropped_files(pasted: str) -> list[Path]:
    """The files that `pasted` names, where it names files that exist and nothing else; else none. A name without a
    slash is taken as text."""
    text = pasted.strip("\r\n\0 ")
    if not text or len(text) > LONGEST or "/" not in text:
        return []
    for names in ([text], text.splitlines(), _words(text)):
        paths = [_path(name) for name in names if name.strip()]
        found = [path for path in paths if path is not None and _is_file(path)]
        if found and len(found) == len(paths):
            return found
    return []


def named_file(text: str) -> Path:
    """The file that a person names, who may quote or escape its path or not."""
    plain = Path(text).expanduser() if not text.startswith("~") or "/" in text else Path(text)
    others = [] if _is_file(plain) else [_path(text), *(Path(word) for word in _words(text)[:1])]
    return next((path for path in others if path is not None and _is_file(path)), plain)


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return []


def _path(name: str) -> Path | None:
    name = name.strip()
    if len(name) > 1 and name[0] == name[-1] and name[0] in "'\"":
        name = name[1:-1]
    if name.startswith("file://"):
        address = urlsplit(name)
        name = unquote(address.path) if address.netloc in ("", "localhost") else ""
    if not name.startswith(("/", "~/", "./", "../")):
        return None
    try:
        return Path(name).expanduser()
    except RuntimeError:
        return None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
