"""Conversations as a list: made, found, renamed, deleted and brought back."""

from __future__ import annotations

import secrets
import sqlite3
import time

from autoglm_lite.chat.history.database import execute
from autoglm_lite.chat.history.records import Conversation, Titled
from autoglm_lite.errors import HistoryError

COLUMNS = "id, title, model, system, created, updated, head, titled, deleted"
SECONDS_TO_RESTORE = 24 * 3600.0
MOST_CHARACTERS_RECALLED = 10_000
"""Of a question."""


def create(db: sqlite3.Connection, model: str, system: str | None, title: str) -> Conversation:
    now = time.time()
    made = Conversation(_unused_id(db), title, model, system, now, now)
    execute(
        db,
        "INSERT INTO conversations (id, title, model, system, created, updated) VALUES (?, ?, ?, ?, ?, ?)",
        *(made.id, made.title, made.model, made.system, made.created, made.updated),
    )
    return made


def get(db: sqlite3.Connection, conversation_id: str) -> Conversation:
    rows = execute(
        db, f"SELECT {COLUMNS} FROM conversations WHERE id = ? AND deleted IS NULL", conversation_id
    ).fetchall()
    if not rows:
        raise unknown(conversation_id)
    return Conversation(*rows[0])


def hold(db: sqlite3.Connection, conversation: Conversation) -> None:
    found = execute(
        db,
        "UPDATE conversations SET model = ?, system = ? WHERE id = ? AND deleted IS NULL",
        *(conversation.model, conversation.system, conversation.id),
    ).rowcount
    if not found:
        raise unknown(conversation.id)


def entitle(db: sqlite3.Connection, conversation_id: str, title: str, titled: Titled) -> None:
    execute(db, "UPDATE conversations SET title = ?, titled = ? WHERE id = ?", title, titled, conversation_id)


def listed(db: sqlite3.Connection, limit: int, offset: int, words: list[str]) -> list[Conversation]:
    """The latest first, of those whose titles hold all of `words`, which are folded."""
    holding = " AND instr(folded(title), ?)" * len(words)
    rows = execute(
        db,
        f"SELECT {COLUMNS} FROM conversations WHERE deleted IS NULL{holding}"
        " ORDER BY updated DESC, rowid DESC LIMIT ? OFFSET ?",
        *(*words, limit, offset),
    )
    return [Conversation(*row) for row in rows]


def questions(db: sqlite3.Connection, limit: int) -> list[str]:
    query = (
        "SELECT content FROM messages JOIN conversations ON conversations.id = messages.conversation"
        " WHERE role = 'user' AND deleted IS NULL AND length(content) <= ? ORDER BY messages.id DESC LIMIT ?"
    )
    return [content for (content,) in execute(db, query, MOST_CHARACTERS_RECALLED, limit)][::-1]


def sizes(db: sqlite3.Connection) -> dict[str, int]:
    """How many messages each has, in all branches."""
    return dict(execute(db, "SELECT conversation, count(*) FROM messages GROUP BY conversation").fetchall())


def purge(db: sqlite3.Connection, before: float) -> None:
    """Removes those that were deleted before that time."""
    execute(db, "DELETE FROM conversations WHERE deleted <= ?", before)


def unknown(conversation_id: str) -> HistoryError:
    return HistoryError(f"There is no conversation {conversation_id!r}; --continue takes up the latest one.")


def _unused_id(db: sqlite3.Connection) -> str:
    while True:
        made = "-".join(_word() for _ in range(2))
        if not db.execute("SELECT 1 FROM conversations WHERE id = ?", (made,)).fetchone():
            return made


def _word() -> str:
    """Two syllables that can be said over a telephone, such as `tobi`."""
    return "".join(secrets.choice("bdfgklmnprstvz") + secrets.choice("aeiou") for _ in range(2))
