"""What is noted of a file on its way, beside its bytes, to go on after anything."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from autoglm_lite.store.download.disk import replace_json
from autoglm_lite.store.download.ranges import Ranges

PARTIAL = "partial"
"""The folder, within the one that a file comes to, for what is not complete."""
PART, NOTE, LOCK = ".part", ".json", ".lock"
"""What is put behind the name of a file for its bytes, what is noted of them, and whose turn it is."""
MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Note:
    address: str
    n_bytes: int | None
    sha256: str | None
    etag: str | None
    """A strong one of the server with the bytes."""
    done: tuple[tuple[int, int], ...]
    """Spans that the disk has for certain."""
    beside: dict[str, object] = field(default_factory=dict)
    """What whoever asked for the file keeps with it."""


def write_note(path: Path, note: Note) -> None:
    """Raises OSError; the note before then stays."""
    known = {name: getattr(note, name) for name in ("address", "n_bytes", "sha256", "etag", "done", "beside")}
    replace_json(path, known)


def read_note(path: Path, part_bytes: int) -> Note | None:
    """None where there is none that can be read. `part_bytes`: how long the file with the bytes is; nothing behind
    that is there, whatever was noted."""
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError), path.open("rb") as file:
        known = json.loads(file.read(MOST_BYTES))
        address, n_bytes, sha256, etag = (known[name] for name in ("address", "n_bytes", "sha256", "etag"))
        if not isinstance(address, str) or not all(one is None or isinstance(one, str) for one in (sha256, etag)):
            return None
        if n_bytes is not None and (type(n_bytes) is not int or n_bytes < 0):
            return None
        end = part_bytes if n_bytes is None else min(part_bytes, n_bytes)
        done = Ranges((int(begin), int(end)) for begin, end in known["done"]).clip(end)
        return Note(address, n_bytes, sha256, etag, tuple(done), dict(known["beside"]))
    return None
