"""The tables, and how those of older versions become them."""

from __future__ import annotations

import sqlite3

VERSION_1 = """
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
# Messages become a tree: `parent` is what a message follows, `chosen` which of those that follow it was last open.
# Before, each followed the one written before it. `indexed` says whether the search knows a message as it is.
VERSION_2 = """
ALTER TABLE conversations ADD COLUMN head INTEGER;
ALTER TABLE conversations ADD COLUMN titled TEXT NOT NULL DEFAULT 'itself';
ALTER TABLE conversations ADD COLUMN deleted REAL;
ALTER TABLE messages ADD COLUMN parent INTEGER;
ALTER TABLE messages ADD COLUMN chosen INTEGER;
ALTER TABLE messages ADD COLUMN attachments TEXT NOT NULL DEFAULT '[]';
ALTER TABLE messages ADD COLUMN indexed INTEGER NOT NULL DEFAULT 0;
UPDATE messages SET
    parent = (SELECT max(o.id) FROM messages o WHERE o.conversation = messages.conversation AND o.id < messages.id),
    chosen = (SELECT min(o.id) FROM messages o WHERE o.conversation = messages.conversation AND o.id > messages.id);
UPDATE conversations SET head = (SELECT max(id) FROM messages WHERE conversation = conversations.id);
CREATE INDEX messages_not_indexed ON messages (id) WHERE indexed = 0;
"""
VERSIONS = (VERSION_1, VERSION_2)
SCHEMA_VERSION = len(VERSIONS)


def version_of(db: sqlite3.Connection) -> int:
    found: int = db.execute("PRAGMA user_version").fetchone()[0]
    return found


def bring_up(db: sqlite3.Connection) -> None:
    """Makes the tables, or brings older ones up, in one transaction."""
    if version_of(db) >= SCHEMA_VERSION:
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have done it while this one waited for the lock.
        for number, version in enumerate(VERSIONS, 1):
            if number > version_of(db):
                for statement in version.split(";\n"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {number}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
