"""How a whole file becomes a stored model: in one step, with what is known of it, or not at all."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from autoglm_lite.errors import StoreError
from autoglm_lite.replacing import sync_folder
from autoglm_lite.store.locking import held
from autoglm_lite.store.manifest import Manifest, StoredFile, read_manifest, remove_manifest, write_manifest
from autoglm_lite.store.place import check, place
from autoglm_lite.store.verifying import Samples, sampled

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
MODE = 0o444
"""Of a model's file: whoever has mapped it dies if another program changes it in place."""


def publish(models: Path, whole: Path, manifest: Manifest, mmproj: Path | None = None) -> Path:
    """Has `whole`, a complete and verified file of ours on the same disk, be the model that `manifest` describes, and
    `mmproj` what sees pictures for it; returns where the model is. One of that name before is replaced.

    When this returns, the disk has it all. Raises StoreError, with all that was there before as it was; UsageError for
    names that cannot be ones.
    """
    target = place(models, check(manifest.file.name))
    if manifest.file.name != manifest.name + ".gguf" or (manifest.mmproj is None) != (mmproj is None):
        raise ValueError(f"{manifest} does not describe {whole} and {mmproj}")
    try:
        moves: list[tuple[Path, Path]] = []
        if mmproj is not None and manifest.mmproj is not None:
            _settle(mmproj, manifest.mmproj)
            moves.append((mmproj, place(models, check(manifest.mmproj.name))))
        samples = _settle(whole, manifest.file)
        moves.append((whole, target))
        complete = replace(manifest, samples=samples, added=manifest.added or time.time())
        put(models, complete, moves)
    except OSError as error:
        raise not_stored(manifest.name, models, error) from error
    return target


def not_stored(name: str, models: Path, error: OSError) -> StoreError:
    """The sentence for a model that could not be put into the folder."""
    if error.errno in NO_ROOM:
        return StoreError(
            f"The disk with {models} is full, so the model {name} was not stored: make room, such as with"
            " `autoglm-lite models gc`, and try again."
        )
    return StoreError(
        f"The model {name} could not be stored in {models} ({error.strerror or error}): check the folder."
    )


def put(models: Path, manifest: Manifest, moves: Sequence[tuple[Path, Path]]) -> None:
    """Writes the manifest, which without its file is nothing, and moves each file to where it belongs, the model last.

    Raises OSError, StoreError, with the manifest before in its place again.
    """
    with held(models, manifest.name):
        before = read_manifest(models, manifest.name)
        write_manifest(models, manifest)
        try:
            for path, target in moves:
                path.replace(target)
        except OSError:
            with suppress(OSError):
                if before is None:
                    remove_manifest(models, manifest.name)
                else:
                    write_manifest(models, before)
            raise
    sync_folder(models)


def _settle(path: Path, expected: StoredFile) -> Samples:
    """Has the disk take all of the file, and nobody write in it any more. Raises OSError, StoreError."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    try:
        n_bytes = os.fstat(descriptor).st_size
        if n_bytes != expected.n_bytes:
            raise StoreError(
                f"{path} has {n_bytes:,} bytes and should have {expected.n_bytes:,}: it is not stored; get it again."
            )
        os.fchmod(descriptor, MODE)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return sampled(path)
