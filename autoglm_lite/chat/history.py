"""Conversations on disk: one SQLite database that several processes may use at once.

Every change is committed and flushed to the disk before the call returns (WAL, synchronous=FULL), so that after
`kill -9` or a power cut everything is there that was. Calls take milliseconds, on an old disk some tens of them:
from an event loop run them through `asyncio.to_thread`. An object may be used from any thread.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from autoglm_lite.errors import HistoryError
from autoglm_lite.paths import private_dir

Role = Literal["user", "assistant"]
State = Literal["complete", "stopped", "cut off"]
"""How a message ended: by itself; by the user; by a limit, the worker's death or the loss of power."""

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE conversations (
    id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    model TEXT NOT NULL,
    system TEXT,
    created REAL NOT NULL,
    updated REAL NOT NULL
);
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    content TEXT NOT NULL,
    reasoning TEXT NOT NULL,
    state TEXT NOT NULL,
    model TEXT,
    created REAL NOT NULL
);
CREATE INDEX messages_of_conversation ON messages (conversation, id);
CREATE INDEX conversations_by_time ON conversations (updated);
"""
BUSY_SECONDS = 10
TITLE_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Conversation:
    """Times in seconds since 1970."""

    id: str
    title: str
    model: str
    """The model file that it was last held with."""
    system: str | None
    created: float
    updated: float


@dataclass(frozen=True, slots=True)
class Message:
    id: int
    role: Role
    content: str
    reasoning: str
    state: State
    model: str | None
    """The name of the model that wrote it; None for the user's."""
    created: float


class History:
    """The conversations in one database file, made (0600, in a 0700 folder) if it is missing.

    Every method raises HistoryError when the file is damaged, newer than this program, locked for more than
    10 seconds, or the disk is full; nothing is then changed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._connection = self._open()

    def __enter__(self) -> History:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def create(self, model: str, system: str | None, first_message: str) -> Conversation:
        """A new conversation with its first question, in one commit."""
        now = time.time()
        with self._change() as db:
            made = Conversation(_unused_id(db), title_of(first_message), model, system, now, now)
            _execute(
                db,
                "INSERT INTO conversations (id, title, model, system, created, updated) VALUES (?, ?, ?, ?, ?, ?)",
                *(made.id, made.title, made.model, made.system, made.created, made.updated),
            )
            _insert(db, made.id, "user", first_message, "", "complete", None)
        return made

    def add_question(self, conversation: Conversation, text: str) -> None:
        """Also notes the model and the system prompt that `conversation` now carries."""
        with self._change() as db:
            found = _execute(
                db,
                "UPDATE conversations SET model = ?, system = ? WHERE id = ?",
                *(conversation.model, conversation.system, conversation.id),
            ).rowcount
            if not found:
                raise _unknown(conversation.id)
            _insert(db, conversation.id, "user", text, "", "complete", None)

    def add_answer(
        self, conversation_id: str, content: str, reasoning: str, model: str, state: State = "cut off"
    ) -> int:
        """An answer, or its beginning, which counts as cut off until `save_answer` says otherwise; returns its id."""
        with self._change() as db:
            return _insert(db, conversation_id, "assistant", content, reasoning, state, model)

    def save_answer(self, message_id: int, content: str, reasoning: str, state: State) -> None:
        """All of an answer so far. Does nothing if the conversation was deleted meanwhile."""
        with self._change() as db:
            query = "UPDATE messages SET content = ?, reasoning = ?, state = ? WHERE id = ?"
            _execute(db, query, content, reasoning, state, message_id)

    def get(self, conversation_id: str) -> Conversation:
        """Raises HistoryError when there is none of that id."""
        rows = self._rows("SELECT * FROM conversations WHERE id = ?", conversation_id)
        if not rows:
            raise _unknown(conversation_id)
        return Conversation(*rows[0])

    def latest(self) -> Conversation | None:
        return next(iter(self.conversations(limit=1)), None)

    def conversations(self, limit: int = -1) -> list[Conversation]:
        """The latest first."""
        rows = self._rows("SELECT * FROM conversations ORDER BY updated DESC, rowid DESC LIMIT ?", limit)
        return [Conversation(*row) for row in rows]

    def messages(self, conversation_id: str) -> list[Message]:
        """In the order in which they were written."""
        rows = self._rows(
            "SELECT id, role, content, reasoning, state, model, created FROM messages"
            " WHERE conversation = ? ORDER BY id",
            conversation_id,
        )
        return [Message(*row) for row in rows]

    def rename(self, conversation_id: str, title: str) -> None:
        with self._change() as db:
            _execute(db, "UPDATE conversations SET title = ? WHERE id = ?", title, conversation_id)

    def delete(self, conversation_id: str) -> None:
        with self._change() as db:
            _execute(db, "DELETE FROM conversations WHERE id = ?", conversation_id)

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock, self._explained():
            rows: list[tuple[Any, ...]] = _execute(self._connection, query, *values).fetchall()
        return rows

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it, or nothing."""
        with self._lock, self._explained():
            db = self._connection
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    def _open(self) -> sqlite3.Connection:
        with self._explained():
            private_dir(self.path.parent)
            _make_private(self.path)
            db = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            try:
                version = db.execute("PRAGMA user_version").fetchone()[0]
                if version > SCHEMA_VERSION:
                    raise HistoryError(
                        f"The conversations in {self.path} were written by a newer autoglm-lite: update this one."
                    )
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = FULL")
                db.execute("PRAGMA foreign_keys = ON")
                if version == 0:
                    _create_tables(db)
            except BaseException:
                db.close()
                raise
            return db

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise HistoryError(_sentence(self.path, error)) from error
        except OSError as error:
            raise HistoryError(f"The conversations in {self.path} cannot be used: {error.strerror}.") from error


def title_of(text: str) -> str:
    """The first line that says something, in at most 60 characters."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    words = " ".join(line.split())
    return words if len(words) <= TITLE_CHARACTERS else words[: TITLE_CHARACTERS - 1].rstrip() + "…"


def _make_private(path: Path) -> None:
    # An existing file is never opened here: closing it would drop the locks that SQLite holds on it in this process.
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        if path.is_file() and path.stat().st_mode & 0o077:
            path.chmod(0o600)


def _create_tables(db: sqlite3.Connection) -> None:
    db.execute("BEGIN IMMEDIATE")
    # Another process may have made them while this one waited for the lock.
    if db.execute("PRAGMA user_version").fetchone()[0] == 0:
        for statement in SCHEMA.split(";\n"):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    db.execute("COMMIT")


def _execute(db: sqlite3.Connection, query: str, *values: object) -> sqlite3.Cursor:
    # A file name that is no UTF-8 has lone surrogates, which SQLite does not take.
    return db.execute(query, [v.encode("utf-8", "replace").decode() if isinstance(v, str) else v for v in values])


def _insert(
    db: sqlite3.Connection,
    conversation_id: str,
    role: Role,
    content: str,
    reasoning: str,
    state: State,
    model: str | None,
) -> int:
    now = time.time()
    row = _execute(
        db,
        "INSERT INTO messages (conversation, role, content, reasoning, state, model, created)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        *(conversation_id, role, content, reasoning, state, model, now),
    )
    _execute(db, "UPDATE conversations SET updated = ? WHERE id = ?", now, conversation_id)
    assert row.lastrowid is not None
    return row.lastrowid


def _unused_id(db: sqlite3.Connection) -> str:
    while True:
        made = "-".join(_word() for _ in range(2))
        if not db.execute("SELECT 1 FROM conversations WHERE id = ?", (made,)).fetchone():
            return made


def _word() -> str:
    """Two syllables that can be said over a telephone, such as `tobi`."""
    return "".join(secrets.choice("bdfgklmnprstvz") + secrets.choice("aeiou") for _ in range(2))


def _unknown(conversation_id: str) -> HistoryError:
    return HistoryError(f"There is no conversation {conversation_id!r}; --continue takes up the latest one.")


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
