"""Finding messages by their words: through SQLite's FTS5 where this Python has it, else by looking at every message.

The index holds the words as `words` divides a text, so what is a word does not depend on SQLite's version. A message
is indexed in the transaction that ends it; one that still grows, or whose program was killed, when a search comes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from autoglm_lite.chat.history import conversations
from autoglm_lite.chat.history.database import execute
from autoglm_lite.chat.history.records import Conversation, Hit
from autoglm_lite.chat.history.snippets import snippet
from autoglm_lite.chat.history.words import folded, words_of

AT_ONCE = 500
"""Messages that are indexed in one transaction: other programs wait for its end."""
TABLE = "CREATE VIRTUAL TABLE IF NOT EXISTS message_words USING fts5 (words, tokenize = 'ascii', columnsize = 0)"
COLUMNS = ", ".join(f"c.{name.strip()}" for name in conversations.COLUMNS.split(","))


def prepare(db: sqlite3.Connection) -> bool:
    """Whether there is an index; made if it is missing."""
    if not db.execute("SELECT 1 FROM pragma_module_list WHERE name = 'fts5'").fetchone():
        return False
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'message_words'").fetchone():
        db.execute(TABLE)
    return True


def behind(db: sqlite3.Connection) -> list[int]:
    """The messages that are not indexed as they are."""
    return [row[0] for row in db.execute("SELECT id FROM messages WHERE indexed = 0")]


def catch_up(db: sqlite3.Connection, message_ids: Sequence[int]) -> None:
    """Indexes those of these messages that are not."""
    for number in message_ids:
        row = execute(db, "SELECT content FROM messages WHERE id = ? AND indexed = 0", number).fetchone()
        if row is None:
            continue
        execute(db, "DELETE FROM message_words WHERE rowid = ?", number)
        execute(db, "INSERT INTO message_words (rowid, words) VALUES (?, ?)", number, " ".join(words_of(row[0])))
        execute(db, "UPDATE messages SET indexed = 1 WHERE id = ?", number)


def forget(db: sqlite3.Connection, deleted_before: float) -> None:
    """Takes what is about to be removed out of the index."""
    execute(
        db,
        "DELETE FROM message_words WHERE rowid IN (SELECT m.id FROM messages m"
        " JOIN conversations c ON c.id = conversation WHERE deleted <= ?)",
        deleted_before,
    )


def find(db: sqlite3.Connection, chunks: list[str], limit: int, *, indexed: bool) -> list[Hit]:
    """Conversations found by their titles alone, at most half of `limit`, then messages, the latest first."""
    hits = []
    for number, role, content, *rest in _messages(db, chunks, limit, indexed=indexed):
        hits.append(Hit(Conversation(*rest), number, role, *snippet(content, chunks)))
    seen = {hit.conversation.id for hit in hits}
    titled = conversations.listed(db, -1, 0, [folded(chunk) for chunk in chunks])
    by_title = [Hit(one, None, "title", *snippet(one.title, chunks)) for one in titled if one.id not in seen]
    by_title = by_title[: max(1, limit // 2)]
    return by_title + hits[: limit - len(by_title)]


def _messages(db: sqlite3.Connection, chunks: list[str], limit: int, *, indexed: bool) -> sqlite3.Cursor:
    phrases = [phrase for chunk in chunks if (phrase := " ".join(words_of(chunk)))]
    if not indexed or not phrases:
        like = [f"%{_escaped(chunk)}%" for chunk in chunks]
        return execute(
            db,
            f"SELECT m.id, role, content, {COLUMNS} FROM messages m JOIN conversations c ON c.id = conversation"
            " WHERE deleted IS NULL" + " AND content LIKE ? ESCAPE '\\'" * len(like) + " ORDER BY m.id DESC LIMIT ?",
            *(*like, limit),
        )
    signs = [chunk for chunk in chunks if not words_of(chunk)]
    # Words hold neither quotes nor operators. CROSS JOIN has the index come first, in its order.
    return execute(
        db,
        f"SELECT m.id, role, content, {COLUMNS} FROM message_words w CROSS JOIN messages m ON m.id = w.rowid"
        " CROSS JOIN conversations c ON c.id = conversation WHERE message_words MATCH ? AND deleted IS NULL"
        + " AND instr(content, ?)" * len(signs)
        + " ORDER BY w.rowid DESC LIMIT ?",
        *(" ".join(f'"{phrase}"*' for phrase in phrases), *signs, limit),
    )


def _escaped(chunk: str) -> str:
    return chunk.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
