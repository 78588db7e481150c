"""What is known of a stored model beside its bytes: where it came from, what they are to be, how they got here."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from autoglm_lite.paths import private_dir
from autoglm_lite.replacing import replace_file
from autoglm_lite.store.place import check, place

MANIFESTS = "manifests"
"""The folder within the models' folder."""
MOST_BYTES = 1 << 20
Way = Literal["fetched", "converted", "joined", "hard link", "reflink", "link", "found"]
"""`joined`: of the parts of a split file elsewhere. `link`: the file lies elsewhere and only a link is here. `found`:
somebody put it into the folder."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    name: str
    """In the models' folder."""
    n_bytes: int
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """Of one model; `file` is what is loaded."""

    name: str
    """That of the file without .gguf."""
    file: StoredFile
    way: Way
    mmproj: StoredFile | None = None
    """What sees pictures for it."""
    source: str | None = None
    """A reference such as hf:org/repo/file.gguf, or the path of an imported file."""
    revision: str | None = None
    licence: str | None = None
    added: float = 0.0
    """Seconds since 1970."""
    samples: tuple[tuple[int, str], ...] = field(default=())
    """Offsets of blocks of the file and their digests, to notice damage at each load without reading it all."""


def write_manifest(models: Path, manifest: Manifest) -> None:
    """`models` is the models' folder. Atomic; the disk has it when this returns. Raises OSError, UsageError."""
    path = place(models, MANIFESTS, check(manifest.name) + ".json")
    private_dir(path.parent)
    replace_file(path, json.dumps(asdict(manifest), ensure_ascii=False).encode("utf-8", "surrogateescape"))


def read_manifest(models: Path, name: str) -> Manifest | None:
    """None where there is none, or none that can be read: the model itself is what counts. Raises UsageError for what
    cannot be a name."""
    import msgspec

    path = place(models, MANIFESTS, check(name) + ".json")
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(descriptor, "rb") as file:
            found = msgspec.json.decode(file.read(MOST_BYTES), type=Manifest)
    except (OSError, ValueError, RecursionError, msgspec.MsgspecError):
        return None
    files = [found.name + ".gguf"] if found.mmproj is None else [found.name + ".gguf", found.name + ".mmproj"]
    named = [found.file.name] if found.mmproj is None else [found.file.name, found.mmproj.name]
    return found if found.name == name and files == named else None


def remove_manifest(models: Path, name: str) -> None:
    with suppress(OSError):
        place(models, MANIFESTS, check(name) + ".json").unlink()
