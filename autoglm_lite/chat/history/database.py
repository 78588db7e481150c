"""The file: opened, made private, and its failures in sentences."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autoglm_lite.chat.history.schema import SCHEMA_VERSION, bring_up, version_of
from autoglm_lite.chat.history.words import folded
from autoglm_lite.errors import HistoryError
from autoglm_lite.paths import private_dir

BUSY_SECONDS = 10


def open_database(path: Path) -> sqlite3.Connection:
    """Made (0600, in a 0700 folder) if it is missing; for any thread, one at a time."""
    private_dir(path.parent)
    _make_private(path)
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        if version_of(db) > SCHEMA_VERSION:
            raise HistoryError(f"The conversations in {path} were written by a newer autoglm-lite: update this one.")
        _write_ahead(db)
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        bring_up(db)
        db.create_function("folded", 1, folded, deterministic=True)
    except BaseException:
        db.close()
        raise
    return db


def execute(db: sqlite3.Connection, query: str, *values: object) -> sqlite3.Cursor:
    return db.execute(query, [stored(v) if isinstance(v, str) else v for v in values])


def stored(text: str) -> str:
    """As it comes back. A file name that is no UTF-8 has lone surrogates, which SQLite does not take."""
    return text.encode("utf-8", "replace").decode()


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Raises HistoryError for what SQLite and the system raise."""
    try:
        yield
    except sqlite3.Error as error:
        raise HistoryError(_sentence(path, error)) from error
    except OSError as error:
        raise HistoryError(f"The conversations in {path} cannot be used: {error.strerror}.") from error


def _write_ahead(db: sqlite3.Connection) -> None:
    """SQLite waits for other programs everywhere but here, where two may change the same new file at once."""
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:  # noqa: PERF203
            if "locked" not in str(error) or time.monotonic() >= end:
                raise
            time.sleep(0.02)
        else:
            return


def _make_private(path: Path) -> None:
    # An existing file is never opened here: closing it would drop the locks that SQLite holds on it in this process.
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        if path.is_file() and path.stat().st_mode & 0o077:
            path.chmod(0o600)


def _sentence(path: Path, error: sqlite3.Error) -> str:
    said = str(error)
    if "not a database" in said or "malformed" in said:
        return (
            f"The conversations in {path} are damaged ({said}): move that file away to begin a new one, "
            f"or try to save them with `sqlite3 {path} .recover`."
        )
    if "locked" in said:
        return f"The conversations in {path} are in use by another program: try again when it has ended."
    if "full" in said:
        return f"The conversations in {path} cannot be written because the disk is full: free some space."
    return f"The conversations in {path} cannot be used: {said}."
