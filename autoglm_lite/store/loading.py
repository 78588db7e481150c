"""What is done each time a stored model is loaded: a look at whether it is what was stored, and a note of the date."""

from __future__ import annotations

import shlex
from contextlib import suppress
from pathlib import Path

from autoglm_lite.errors import UsageError
from autoglm_lite.store.manifest import read_manifest
from autoglm_lite.store.models import is_ours, is_starter
from autoglm_lite.store.using import note_use
from autoglm_lite.store.verifying import is_as_sampled


def noted_and_checked(path: Path) -> str | None:
    """A sentence where the file is not what was stored; None where nothing is wrong, or nobody knows what it was.

    Some dozen blocks are read, which a disk does in about 10 ms. That does not keep anybody from loading it: most of
    what is wrong with a few bytes is only a worse answer.
    """
    if is_starter(path) or not is_ours(path):
        return None
    note_use(path)
    if is_as_stored(path):
        return None
    return (
        f"The file of the model {path.stem} is not what was stored, so its answers may be wrong:"
        f" `autoglm-lite models verify {shlex.quote(path.stem)}` says what to do."
    )


def is_as_stored(path: Path) -> bool:
    """False where its size or some dozen blocks are not those that were stored; nobody may know what they were."""
    with suppress(OSError, UsageError):
        manifest = read_manifest(path.parent, path.stem)
        if manifest is not None and manifest.samples:
            return path.stat().st_size == manifest.file.n_bytes and is_as_sampled(path, manifest.samples)
    return True
