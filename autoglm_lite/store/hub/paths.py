"""Which files of a repository may come: kinds that hold no code, under names that lead nowhere else."""

from __future__ import annotations

import re
import unicodedata

MOST_LETTERS = 1000
_KINDS = re.compile(
    r".+\.(gguf|safetensors|json|jinja|txt|tiktoken)|(.*/)?tokenizer\.model|(.*/)?(licen[cs]e(\.md)?|readme\.md)",
    re.IGNORECASE,
)
"""No pickles, no Python, no archives: these run, or unpack to, what others wrote."""


def is_safe_path(path: str) -> bool:
    """Whether it is plainly a file within its repository, and has the same name everywhere."""
    parts = path.split("/")
    return (
        0 < len(path) <= MOST_LETTERS
        and path.isprintable()
        and not re.search(r'[\\:*?"<>|]', path)
        and unicodedata.normalize("NFC", path) == path
        and all(0 < len(part.encode()) <= 255 and part not in (".", "..") and not part.endswith(" ") for part in parts)
    )


def is_safe_kind(path: str) -> bool:
    return _KINDS.fullmatch(path) is not None
