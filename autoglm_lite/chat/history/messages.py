"""Messages of a conversation: a tree, of which one branch is open."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence

from autoglm_lite.chat.attachments import Attachment, from_json, to_json
from autoglm_lite.chat.history.database import execute
from autoglm_lite.chat.history.records import Message, Role, State
from autoglm_lite.errors import HistoryError


def read(db: sqlite3.Connection, conversation_id: str) -> list[Message]:
    """Of all branches, in the order in which they were written."""
    rows = execute(
        db,
        "SELECT m.id, role, content, reasoning, state, m.model, m.created, parent, attachments"
        " FROM messages m JOIN conversations c ON c.id = conversation"
        " WHERE conversation = ? AND deleted IS NULL ORDER BY m.id",
        conversation_id,
    )
    return [Message(*[*row[:-1], from_json(row[-1])]) for row in rows]


def insert(
    db: sqlite3.Connection,
    conversation_id: str,
    parent: int | None,
    role: Role,
    content: str,
    reasoning: str = "",
    state: State = "complete",
    model: str | None = None,
    attachments: Sequence[Attachment] = (),
    *,
    created: float | None = None,
    opened: bool = True,
) -> int:
    """Its branch is open then, unless `opened` says otherwise."""
    now = time.time() if created is None else created
    row = execute(
        db,
        "INSERT INTO messages (conversation, parent, role, content, reasoning, state, model, created, attachments)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(conversation_id, parent, role, content, reasoning, state, model, now, to_json(attachments)),
    )
    made = row.lastrowid
    assert made is not None
    if opened:
        execute(db, "UPDATE messages SET chosen = ? WHERE id = ?", made, parent)
        execute(db, "UPDATE conversations SET updated = ?, head = ? WHERE id = ?", now, made, conversation_id)
    return made


def head_of(db: sqlite3.Connection, conversation_id: str) -> int | None:
    rows = execute(db, "SELECT head FROM conversations WHERE id = ?", conversation_id).fetchall()
    head: int | None = rows[0][0] if rows else None
    return head


def known(db: sqlite3.Connection, conversation_id: str, message_id: int | None) -> int | None:
    """`message_id`, which must be of this conversation; for None the last of the open branch."""
    if message_id is None:
        return head_of(db, conversation_id)
    parent_of(db, conversation_id, message_id)
    return message_id


def parent_of(db: sqlite3.Connection, conversation_id: str, message_id: int) -> int | None:
    """Raises HistoryError where the conversation has no such message."""
    rows = execute(
        db, "SELECT parent FROM messages WHERE id = ? AND conversation = ?", message_id, conversation_id
    ).fetchall()
    if not rows:
        raise HistoryError(f"The conversation {conversation_id!r} has no message {message_id}: open it again.")
    parent: int | None = rows[0][0]
    return parent


def select(db: sqlite3.Connection, conversation_id: str, message_id: int) -> None:
    """Opens the branch that holds this message, and of those the one that was open last."""
    parent_of(db, conversation_id, message_id)
    tree: dict[int, tuple[int | None, int | None]] = {
        row[0]: (row[1], row[2])
        for row in execute(db, "SELECT id, parent, chosen FROM messages WHERE conversation = ?", conversation_id)
    }
    child = message_id
    while (parent := tree[child][0]) is not None:
        if tree[parent][1] != child:
            execute(db, "UPDATE messages SET chosen = ? WHERE id = ?", child, parent)
        child = parent
    head = message_id
    while (chosen := tree[head][1]) is not None:
        head = chosen
    execute(db, "UPDATE conversations SET head = ? WHERE id = ?", head, conversation_id)
