"""All that is in a folder, while other programs add to it and remove from it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def all_in(path: Path) -> Iterator[Path]:
    """`path` itself and, where it is a folder, all files and folders in it. Links are not followed, and what goes
    meanwhile is passed over, where Path.rglob would fail."""
    yield path
    if not path.is_symlink():
        for folder, folders, files in os.walk(path):
            yield from (Path(folder, name) for name in (*folders, *files))
