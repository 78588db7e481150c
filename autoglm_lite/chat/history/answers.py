"""Answers that grow, in more than one program perhaps: what is written only ever gets longer."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from autoglm_lite.chat.growing import Grown
from autoglm_lite.chat.history import messages
from autoglm_lite.chat.history.database import execute, stored
from autoglm_lite.chat.history.records import State


@dataclass(frozen=True, slots=True)
class _Row:
    id: int
    content: str
    reasoning: str

    def begins(self, content: str, reasoning: str) -> bool:
        return content.startswith(self.content) and reasoning.startswith(self.reasoning)

    def holds(self, content: str, reasoning: str) -> bool:
        return self.content.startswith(content) and self.reasoning.startswith(reasoning)


def save(
    db: sqlite3.Connection, message_id: int, content: str, reasoning: str, state: State, created: float | None
) -> int:
    """All of an answer so far. Where another program has gone on with it in other words, or farther, those stay: what
    differs becomes an answer of its own. Returns the id of the one that holds it."""
    query = "SELECT id, content, reasoning, conversation, parent, model FROM messages WHERE id = ?"
    found = execute(db, query, message_id).fetchone()
    if found is None:
        # The conversation was removed meanwhile.
        return message_id
    row, (conversation, parent, model) = _Row(*found[:3]), found[3:]
    content, reasoning = stored(content), stored(reasoning)
    if row.begins(content, reasoning):
        _update(db, row, content, reasoning, state)
    elif not row.holds(content, reasoning):
        return messages.insert(db, conversation, parent, "assistant", content, reasoning, state, model, created=created)
    return message_id


def join(db: sqlite3.Connection, grown: Grown) -> None:
    """Puts what a dead program's file holds where it belongs, once. Does nothing for a conversation that is gone for
    good."""
    begun, content, reasoning = grown.begun, stored(grown.answer), stored(grown.reasoning)
    query = "SELECT head, updated FROM messages m JOIN conversations c ON c.id = conversation"
    place = execute(db, f"{query} WHERE m.id = ? AND c.id = ?", begun.question, begun.conversation).fetchone()
    if place is None or not (content or reasoning):
        return
    rows = [
        _Row(*row)
        for row in execute(
            db,
            "SELECT id, content, reasoning FROM messages WHERE conversation = ? AND role = 'assistant'"
            " AND (id = ? OR (parent = ? AND created = ?)) ORDER BY id DESC",
            *(begun.conversation, begun.answer, begun.question, begun.created),
        )
    ]
    if any(row.holds(content, reasoning) for row in rows):
        return
    for row in rows:
        if row.begins(content, reasoning):
            _update(db, row, content, reasoning, "cut off")
            return
    messages.insert(
        db,
        *(begun.conversation, begun.question, "assistant", content, reasoning, "cut off", begun.model),
        created=begun.created,
        # Unless someone has gone on in another branch since.
        opened=place[0] == begun.question or place[1] <= begun.created,
    )


def _update(db: sqlite3.Connection, row: _Row, content: str, reasoning: str, state: State) -> None:
    query = "UPDATE messages SET content = ?, reasoning = ?, state = ?, indexed = 0 WHERE id = ?"
    execute(db, query, content, reasoning, state, row.id)
