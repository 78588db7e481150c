"""The key that programs show to be let in."""

from __future__ import annotations

import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from autoglm_lite.errors import AutoglmError
from autoglm_lite.paths import data_dir, private_dir

NAME = "key"
FORM = re.compile(rb"[!-~]{16,256}")
"""Ours have 43 characters; a key of the user's own may be put in the file instead."""
MOST_BYTES = 1024


def key_path() -> Path:
    """Beside what the user would miss: programs that were given the key stop working when it is lost."""
    return data_dir() / "service" / NAME


def read_key() -> str | None:
    """None where none was made yet. Raises AutoglmError for a file that cannot be trusted."""
    try:
        folder = _open_folder(key_path().parent)
    except FileNotFoundError:
        return None
    try:
        return _read(folder)
    except FileNotFoundError:
        return None
    finally:
        os.close(folder)


def make_key() -> str:
    """The key, made where there is none yet; who starts at the same time gets the same. Raises AutoglmError for a file
    that cannot be trusted or written."""
    path = key_path()
    try:
        private_dir(path.parent)
        folder = _open_folder(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with suppress(FileNotFoundError):
            return _read(folder)
        _write(folder)
        return _read(folder)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        os.close(folder)


def _open_folder(path: Path) -> int:
    """Its descriptor, so that nobody can put another in its place meanwhile. Raises FileNotFoundError, AutoglmError."""
    try:
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise AutoglmError(
            f"The folder of the service's key, {path}, is no folder of its own ({error.strerror}): remove it."
        ) from error
    found = os.fstat(folder)
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        os.close(folder)
        raise AutoglmError(
            f"The folder of the service's key, {path}, must be yours alone: run `chmod 700 {path}`, or remove it."
        )
    return folder


def _read(folder: int) -> str:
    """Raises FileNotFoundError, AutoglmError."""
    path = key_path()
    try:
        # A pipe in its place would be waited for.
        file = os.open(NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise AutoglmError(f"The service's key {path} cannot be read ({error.strerror}): {REMEDY}") from error
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise AutoglmError(f"The service's key {path} is no file: {REMEDY}")
        if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise AutoglmError(f"Others may have read the service's key {path}: {REMEDY}")
        key = os.read(file, MOST_BYTES).strip()
    finally:
        os.close(file)
    if not FORM.fullmatch(key):
        raise AutoglmError(f"The service's key {path} is damaged: {REMEDY}")
    return key.decode("ascii")


REMEDY = "remove it, and the next start of the service makes another, which your programs then need."


def _write(folder: int) -> None:
    """A file with a new key appears whole, or one that another made first stays. Raises OSError."""
    name = f".{NAME}-{secrets.token_hex(8)}"
    file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        with os.fdopen(file, "wb") as writing:
            writing.write(secrets.token_urlsafe(32).encode("ascii") + b"\n")
            writing.flush()
            os.fsync(writing.fileno())
        with suppress(FileExistsError):
            os.link(name, NAME, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)
    finally:
        os.unlink(name, dir_fd=folder)


def _unwritable(path: Path, error: OSError) -> AutoglmError:
    return AutoglmError(
        f"The service's key {path} cannot be made ({error.strerror}): mend that, or start the service with --no-auth."
    )
