"""A file that another program has, or the user, as a stored model: where it lies, and never copied."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from stat import S_ISREG

from autoglm_lite.errors import StoreError, UsageError
from autoglm_lite.paths import private_dir
from autoglm_lite.store.manifest import Manifest, StoredFile, Way, read_manifest
from autoglm_lite.store.place import check, name_from, place
from autoglm_lite.store.publishing import MODE, not_stored, publish, put
from autoglm_lite.store.verifying import sampled

FICLONE = 0x40049409
"""ioctl_ficlone(2): the new file has the blocks of the old one until either is written to."""


@dataclass(frozen=True, slots=True)
class Adopted:
    path: Path
    """Of the stored model."""
    way: Way
    file: Path
    """Where it lies, with all links followed."""
    n_bytes: int
    why: str = ""
    """For a link: what kept it from being more than that."""


def adopt(
    models: Path,
    file: Path,
    name: str | None = None,
    *,
    source: str | None = None,
    sha256: str | None = None,
    licence: str | None = None,
    mmproj: Path | None = None,
    mmproj_sha256: str | None = None,
) -> Adopted:
    """Has `file` be the stored model `name`, by default called as the file is, and `mmproj` what sees pictures for it.
    Not a byte is copied.

    On one disk it shares the file's blocks where the file system can do that, and then nobody can change it; else it
    is a second name of the file (a hard link), which stays when the first is deleted, if the file is this user's.
    What lies on another disk or belongs to another user is only linked to. `source`, the checksums and `licence` are
    kept as what is known of it. Whether it is a model was looked at before.

    Raises StoreError, UsageError where it cannot be done; the file itself is never touched.
    """
    name = name_from(file.name.removesuffix(".gguf")) if name is None else check(name)
    target = place(models, name + ".gguf")
    real = _found(file)
    seeing = None if mmproj is None else _found(mmproj)
    temporary: list[Path] = []
    try:
        private_dir(models)
        _check_free(models, real, name, target)
        moves: list[tuple[Path, Path]] = []

        def taken(real: Path, suffix: str) -> tuple[Way, str]:
            new = place(models, f"{name}.{os.getpid()}{suffix}.new")
            # Of a process that had our number and was killed.
            new.unlink(missing_ok=True)
            temporary.append(new)
            moves.append((new, place(models, name + suffix)))
            return _taken_in(real, new)

        if seeing is not None:
            taken(seeing, ".mmproj")
        way, why = taken(real, ".gguf")
        manifest = Manifest(
            name,
            StoredFile(target.name, real.stat().st_size, sha256),
            way,
            mmproj=None if seeing is None else StoredFile(name + ".mmproj", seeing.stat().st_size, mmproj_sha256),
            source=source or str(real),
            licence=licence,
            added=time.time(),
            samples=sampled(real),
        )
        put(models, manifest, moves)
    except OSError as error:
        raise not_stored(name, models, error) from error
    finally:
        # Where another has made the same hard link meanwhile, the system renames nothing.
        for new in temporary:
            with suppress(OSError):
                new.unlink()
    return Adopted(target, way, real, manifest.file.n_bytes, why)


def adopt_joined(
    models: Path,
    parts: Sequence[Path],
    name: str | None,
    on_progress: Callable[[int, int], object],
    *,
    source: str | None = None,
    licence: str | None = None,
    mmproj: Path | None = None,
) -> Path:
    """Has one file be written of all `parts` of a split model, in their order, and be the stored model `name`. The
    parts stay. Raises ModelFileError for what is no model, StoreError, UsageError."""
    from autoglm_lite.gguf.facts import read_facts
    from autoglm_lite.gguf.parts import whole_name
    from autoglm_lite.store.download import PARTIAL
    from autoglm_lite.store.joining import join

    name = name_from(whole_name(parts[0].name).removesuffix(".gguf")) if name is None else check(name)
    target = place(models, name + ".gguf")
    _check_free(models, _found(parts[0]), name, target)
    whole = place(models, PARTIAL, name, name + ".gguf")
    try:
        private_dir(whole.parent)
        join(parts, whole, on_progress)
        read_facts(whole)
        manifest = Manifest(name, StoredFile(target.name, whole.stat().st_size), "joined", source=source)
        publish(models, whole, replace(manifest, licence=licence))
        if mmproj is not None:
            _add_mmproj(models, name, mmproj)
    except OSError as error:
        raise not_stored(name, models, error) from error
    finally:
        with suppress(OSError):
            whole.unlink(missing_ok=True)
            whole.parent.rmdir()
    return target


def _add_mmproj(models: Path, name: str, mmproj: Path) -> None:
    """Raises OSError, StoreError."""
    real, known = _found(mmproj), read_manifest(models, name)
    target, new = place(models, name + ".mmproj"), place(models, f"{name}.{os.getpid()}.mmproj.new")
    try:
        _taken_in(real, new)
        if known is not None:
            put(models, replace(known, mmproj=StoredFile(target.name, real.stat().st_size)), [(new, target)])
    finally:
        with suppress(OSError):
            new.unlink()


def renewed(models: Path, path: Path) -> Manifest | None:
    """What is to be kept of a model that lies in the folder and is good as it is now, whoever put it there; None for a
    name that no manifest can have. Raises OSError."""
    with suppress(UsageError):
        before = read_manifest(models, check(path.stem))
        return Manifest(
            path.stem,
            StoredFile(check(path.name), path.stat().st_size),
            "link" if path.is_symlink() else "found",
            mmproj=None if before is None else before.mmproj,
            source=str(path.resolve()) if path.is_symlink() else None,
            added=time.time(),
            samples=sampled(path),
        )
    return None


def renew(models: Path, path: Path) -> None:
    """Keeps that. Raises StoreError."""
    try:
        manifest = renewed(models, path)
        if manifest is not None:
            put(models, manifest, [])
    except OSError as error:
        raise not_stored(path.stem, models, error) from error


def _found(file: Path) -> Path:
    """With all links followed. Raises StoreError."""
    try:
        real = file.resolve(strict=True)
        mode = real.stat().st_mode
    except (OSError, RuntimeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise StoreError(f"{file} cannot be read ({why}); check the path.") from error
    if not S_ISREG(mode):
        raise StoreError(f"{file} is no file: give the path of a .gguf file.")
    return real


def _check_free(models: Path, real: Path, name: str, target: Path) -> None:
    """Raises StoreError where the file, or another of its name, is stored already."""
    for path in sorted(models.glob("*.gguf")):
        with suppress(OSError):
            if path.samefile(real):
                raise StoreError(f"{real} is stored already, as the model {path.stem}: nothing is to be done.")
    if target.exists() or target.is_symlink():
        raise StoreError(f"Another model is called {name} already: give this one another name with --name.")


def _taken_in(real: Path, new: Path) -> tuple[Way, str]:
    """`new` as the same file, and why only linked where it is. Raises OSError."""
    status = real.stat()
    # Tried everywhere: the parts of one btrfs look like several disks.
    if _cloned(real, new):
        return "reflink", ""
    if status.st_dev != new.parent.stat().st_dev:
        new.symlink_to(real)
        return "link", "it lies on another disk"
    if hasattr(os, "geteuid") and status.st_uid != os.geteuid():
        new.symlink_to(real)
        return "link", "it belongs to another user"
    try:
        new.hardlink_to(real)
    except OSError:
        # FAT knows no hard links, nor do some that come over the network.
        new.symlink_to(real)
        return "link", "this disk has no hard links"
    return "hard link", ""


def _cloned(real: Path, new: Path) -> bool:
    """Whether the file system let `new` share all blocks. Raises OSError."""
    try:
        import fcntl
    except ImportError:  # pragma: no cover
        return False
    with real.open("rb") as old:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.ioctl(descriptor, FICLONE, old.fileno())
            os.fchmod(descriptor, MODE)
            os.fsync(descriptor)
        except OSError:
            new.unlink()
            return False
        finally:
            os.close(descriptor)
    return True
