"""One value of another program's settings."""

from __future__ import annotations

import json
from pathlib import Path

from autoglm_lite.store.others.looking import text_within


def json_text(path: Path, key: str) -> str | None:
    """The text of an object's key; None where there is none."""
    try:
        value = json.loads(text_within(path, path.parent) or "").get(key)
    except (ValueError, AttributeError, RecursionError):
        return None
    return value if isinstance(value, str) else None


def ini_text(path: Path, key: str) -> str | None:
    """The text behind `key=` on a line."""
    for line in (text_within(path, path.parent) or "").splitlines():
        name, _, value = line.partition("=")
        if name.strip() == key:
            return value.strip().strip('"')
    return None


def yaml_texts(path: Path, key: str) -> list[str]:
    """What stands behind `key:` of a YAML file's outermost level: a text, or the texts of a list, each on a line of its
    own. Enough for what is read here; anything else is no text."""
    found: list[str] = []
    within = False
    for line in (text_within(path, path.parent) or "").splitlines():
        if line.startswith(f"{key}:"):
            value = _plain(line[len(key) + 1 :])
            if value:
                return [value]
            within = True
        elif within and line.lstrip().startswith("- "):
            found.append(_plain(line.lstrip()[2:]))
        elif within and line.strip():
            break
    return found


def _plain(text: str) -> str:
    text = text.strip()
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if quoted else text.partition(" #")[0].strip()
