"""`autoglm-lite models verify`: whether stored models still are what they were, every byte of them."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path

    from autoglm_lite.store.manifest import Manifest
    from converters.progress import Progress

Result = Literal["good", "noted", "changed", "damaged"]
"""`noted`: nobody knew its checksum; it is known from now on. `changed`: it is another one now, or gone."""


@dataclass(frozen=True, slots=True)
class Verified:
    path: Path
    result: Result
    sha256: str | None
    expected: str | None
    sentence: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the action's options."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="a stored model (default: all of them)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Prints a line for each; returns 1 where one is damaged. Raises ModelFileError for a name that none has."""
    from autoglm_lite.commands.measuring import print_anything
    from autoglm_lite.commands.models.table import printable
    from autoglm_lite.store.models import stored, stored_models
    from converters.progress import Progress

    print_anything()
    paths = list(dict.fromkeys(map(stored, args.names))) if args.names else stored_models()
    sizes = [_size(path) for path in paths]
    progress = Progress(sys.stderr)
    found: list[Verified] = []
    try:
        for number, path in enumerate(paths):
            one = verified(path, partial(_show, progress, sum(sizes[:number]), max(sum(sizes), 1)))
            found.append(one)
            if not args.json:
                progress.close()
                print(printable(f"{path.stem}: {one.sentence}"), flush=True)
    finally:
        progress.close()
    if args.json:
        rows = [
            {"name": one.path.stem, "result": one.result, "sha256": one.sha256, "expected": one.expected}
            | ({"problem": one.sentence} if one.result == "damaged" else {})
            for one in found
        ]
        print(json.dumps({"models": rows}, ensure_ascii=False))
    elif not paths:
        print("No model is stored yet, so there is nothing to verify.")
    return 1 if any(one.result == "damaged" for one in found) else 0


def verified(path: Path, on_progress: Callable[[int, int], object]) -> Verified:
    """What is to be said of the model, after all of it was read."""
    from autoglm_lite.errors import ModelFileError
    from autoglm_lite.gguf.facts import read_facts
    from autoglm_lite.store.verifying import is_as_sampled, sha256_of

    manifest = _manifest(path)
    expected = None if manifest is None else manifest.file.sha256

    def damaged(sentence: str, found: str | None = None) -> Verified:
        return Verified(path, "damaged", found, expected, sentence)

    try:
        identity = _identity(path)
        if manifest is not None and manifest.file.n_bytes != identity.n_bytes:
            there = f"it has {identity.n_bytes:,} bytes and had {manifest.file.n_bytes:,} when it was stored"
            return damaged(f"damaged, {there}. {remedy(path, manifest)}")
        read_facts(path)
        found = sha256_of(path, on_progress)
        as_sampled = manifest is None or is_as_sampled(path, manifest.samples)
        if _identity(path) != identity or _manifest(path) != manifest:
            return _changed(path)
    except (OSError, ModelFileError) as error:
        if not path.is_symlink() and not path.exists():
            return _changed(path)
        if isinstance(error, OSError):
            return damaged(f"cannot be read ({error.strerror}): check its disk.")
        return damaged(f"damaged. {error}")
    if found == expected:
        return Verified(path, "good", found, expected, "good.")
    if expected is not None or not as_sampled:
        return damaged(f"damaged, its bytes have changed. {remedy(path, manifest)}", found)
    if _noted(path, identity, manifest, found):
        return Verified(path, "noted", found, None, "its checksum was not known; it is kept for the next time.")
    return Verified(path, "noted", found, None, f"its checksum is not known and cannot be kept: {found}.")


def remedy(path: Path, manifest: Manifest | None) -> str:
    """What to do about a file that is not what was stored."""
    import shlex

    source = manifest.source if manifest is not None else None
    again = "Remove it, and get it again."
    if source is not None and manifest is not None and manifest.way == "fetched":
        remove = f"autoglm-lite models rm {shlex.quote(path.stem)}"
        again = f"Get it again: `{remove} && autoglm-lite pull {shlex.quote(source)}`."
    elif source is not None and manifest is not None and manifest.way == "converted":
        again = f"Remove it, and convert {source} again."
    elif source is not None and manifest is not None and manifest.way != "found":
        again = f"It came from {source}: mend or replace that file, then remove this model and import it again."
    return f"{again} If you changed it yourself: `autoglm-lite models import {shlex.quote(str(path))}`."


@dataclass(frozen=True, slots=True)
class _Identity:
    """Of a file that is still the same one."""

    inode: int
    n_bytes: int
    modified: int


def _identity(path: Path) -> _Identity:
    """Raises OSError."""
    status = path.stat()
    return _Identity(status.st_ino, status.st_size, status.st_mtime_ns)


def _changed(path: Path) -> Verified:
    return Verified(path, "changed", None, None, "another program removed or replaced it this moment.")


def _manifest(path: Path) -> Manifest | None:
    from autoglm_lite.errors import UsageError
    from autoglm_lite.store.manifest import read_manifest

    try:
        return read_manifest(path.parent, path.stem)
    except UsageError:
        return None


def _noted(path: Path, identity: _Identity, manifest: Manifest | None, sha256: str) -> bool:
    """Whether its checksum is kept: of a model that another program replaced meanwhile nothing is."""
    from autoglm_lite.errors import AutoglmError
    from autoglm_lite.store.adopting import renewed
    from autoglm_lite.store.locking import held
    from autoglm_lite.store.manifest import write_manifest

    try:
        with held(path.parent, path.stem):
            known = manifest or renewed(path.parent, path)
            if known is None or _identity(path) != identity or _manifest(path) != manifest:
                return False
            write_manifest(path.parent, replace(known, file=replace(known.file, sha256=sha256)))
    except (OSError, AutoglmError):
        return False
    return True


def _show(progress: Progress, before: int, total: int, done: int, _: int) -> None:
    progress(before + done, total)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
