"""Conversations on disk: one SQLite database that several processes may use at once.

Every change is committed and flushed to the disk before the call returns (WAL, synchronous=FULL), so that after
`kill -9` or a power cut everything is there that was. What an answer has grown by since, in a program that was killed,
is taken from the file beside the database that it grew in (`growing`). Calls take milliseconds, on an old disk some
tens of them: from an event loop run them through `asyncio.to_thread`. An object may be used from any thread.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from autoglm_lite.chat.attachments import Attachment
from autoglm_lite.chat.growing import take_left
from autoglm_lite.chat.history import answers, conversations, messages, search
from autoglm_lite.chat.history.database import execute, explained, open_database
from autoglm_lite.chat.history.records import Conversation, Hit, Message, State
from autoglm_lite.chat.history.words import chunks_of, folded
from autoglm_lite.chat.titles import is_greeting, title_of
from autoglm_lite.errors import HistoryError


class History:
    """The conversations in one database file, made (0600, in a 0700 folder) if it is missing.

    Every method raises HistoryError when the file is damaged, newer than this program, locked for more than
    10 seconds, or the disk is full; nothing is then changed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.growing = path.with_name(f"{path.stem}.growing")
        """The folder where answers are while they are written."""
        self._lock = threading.Lock()
        with explained(path):
            self._connection = open_database(path)
            self._indexed = search.prepare(self._connection)
        # What cannot be done now, on a full disk or beside a busy program, can be another time.
        with suppress(HistoryError):
            self.join_left()
        with suppress(HistoryError):
            self.purge(conversations.SECONDS_TO_RESTORE)

    def __enter__(self) -> History:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def create(
        self, model: str, system: str | None, first_message: str, attachments: Sequence[Attachment] = ()
    ) -> Conversation:
        """A new conversation with its first question, in one commit."""
        with self._change() as db:
            made = conversations.create(db, model, system, title_of(first_message, attachments))
            self._index(db, messages.insert(db, made.id, None, "user", first_message, attachments=attachments))
            return conversations.get(db, made.id)

    def add_question(
        self,
        conversation: Conversation,
        text: str,
        attachments: Sequence[Attachment] = (),
        *,
        after: int | None = None,
        instead_of: int | None = None,
    ) -> int:
        """A question after the message `after`, by default the last one of the open branch, or a new version of the
        question `instead_of`; its branch is open then. Also does what `hold` does. Returns its id."""
        with self._change() as db:
            conversations.hold(db, conversation)
            if instead_of is not None:
                parent = messages.parent_of(db, conversation.id, instead_of)
            else:
                parent = messages.known(db, conversation.id, after)
            made = messages.insert(db, conversation.id, parent, "user", text, attachments=attachments)
            self._index(db, made)
            titled = conversations.get(db, conversation.id)
            if titled.titled == "itself" and (parent is None or is_greeting(titled.title)):
                # The first question is another one, or was none.
                conversations.entitle(db, conversation.id, title_of(text, attachments), "itself")
            return made

    def hold(self, conversation: Conversation) -> None:
        """Notes the model and the system prompt that `conversation` now carries."""
        with self._change() as db:
            conversations.hold(db, conversation)

    def add_answer(
        self,
        conversation_id: str,
        content: str,
        reasoning: str,
        model: str,
        state: State = "cut off",
        *,
        question: int | None = None,
        created: float | None = None,
    ) -> int:
        """An answer, or its beginning, which counts as cut off until `save_answer` says otherwise; returns its id.
        It follows `question`, by default the last message of the open branch, and its branch is open then. `created`:
        when it began, by default now."""
        with self._change() as db:
            parent = messages.known(db, conversation_id, question)
            made = messages.insert(
                db, conversation_id, parent, "assistant", content, reasoning, state, model, created=created
            )
            if state != "cut off":
                self._index(db, made)
            return made

    def save_answer(
        self, message_id: int, content: str, reasoning: str, state: State, *, created: float | None = None
    ) -> int:
        """All of an answer so far; returns its id. That is another one where another program has gone on with the same
        answer in other words: both stay, as versions. Does nothing if the conversation was removed meanwhile."""
        with self._change() as db:
            message_id = answers.save(db, message_id, content, reasoning, state, created)
            if state != "cut off":
                self._index(db, message_id)
            return message_id

    def join_left(self) -> None:
        """Brings what programs left that were killed while they wrote an answer into the conversations."""
        for grown in take_left(self.growing):
            with self._change() as db:
                answers.join(db, grown)

    def get(self, conversation_id: str) -> Conversation:
        """Raises HistoryError when there is none of that id, or when it is deleted."""
        with self._reading() as db:
            return conversations.get(db, conversation_id)

    def latest(self) -> Conversation | None:
        return next(iter(self.conversations(limit=1)), None)

    def conversations(self, limit: int = -1, offset: int = 0, matching: str = "") -> list[Conversation]:
        """The latest first; of those whose titles hold each of the words of `matching`, or parts of words."""
        with self._reading() as db:
            return conversations.listed(db, limit, offset, [folded(chunk) for chunk in chunks_of(matching)])

    def sizes(self) -> dict[str, int]:
        """How many messages each conversation has, in all branches."""
        with self._reading() as db:
            return conversations.sizes(db)

    def messages(self, conversation_id: str) -> list[Message]:
        """Of all branches, in the order in which they were written."""
        with self._reading() as db:
            return messages.read(db, conversation_id)

    def questions(self, limit: int) -> list[str]:
        """The last ones of all conversations, the oldest first; very long ones are left out."""
        with self._reading() as db:
            return conversations.questions(db, limit)

    def tree(self, conversation_id: str) -> tuple[list[Message], int | None]:
        """The same, and the last message of the branch that is open."""
        with suppress(HistoryError):
            self.join_left()
        with self._reading() as db:
            head = messages.head_of(db, conversation_id)
            return messages.read(db, conversation_id), head

    def select(self, conversation_id: str, message_id: int) -> None:
        """Makes the branch that holds this message the open one; where several do, the one that was open last."""
        with self._change() as db:
            messages.select(db, conversation_id, message_id)

    def rename(self, conversation_id: str, title: str) -> None:
        """Gives it the user's own title, which is never replaced."""
        with self._change() as db:
            conversations.entitle(db, conversation_id, title, "user")

    def delete(self, conversation_id: str) -> None:
        """It is not found any more, but can be restored for a day."""
        with self._change() as db:
            query = "UPDATE conversations SET deleted = ? WHERE id = ? AND deleted IS NULL"
            execute(db, query, time.time(), conversation_id)

    def restore(self, conversation_id: str) -> None:
        """Brings a deleted one back, with all that was in it. Raises HistoryError where it is gone for good."""
        with self._change() as db:
            execute(db, "UPDATE conversations SET deleted = NULL WHERE id = ?", conversation_id)
            conversations.get(db, conversation_id)

    def purge(self, seconds: float = 0.0) -> None:
        """Really removes what was deleted so long ago or longer."""
        before = time.time() - seconds
        with self._reading() as db:
            old = execute(db, "SELECT 1 FROM conversations WHERE deleted <= ?", before).fetchone()
        if old:
            with self._change() as db:
                if self._indexed:
                    search.forget(db, before)
                conversations.purge(db, before)

    def search(self, text: str, limit: int = 50) -> list[Hit]:
        """Messages that hold each of the words of `text`, which may be beginnings of words, the latest first; before
        them conversations with such a title that hold none of those. Any text may be given."""
        chunks = chunks_of(text)
        if not chunks:
            return []
        if self._indexed:
            with self._reading() as db:
                behind = search.behind(db)
            for n in range(0, len(behind), search.AT_ONCE):
                with self._change() as db:
                    search.catch_up(db, behind[n : n + search.AT_ONCE])
        with self._reading() as db:
            return search.find(db, chunks, limit, indexed=self._indexed)

    def _index(self, db: sqlite3.Connection, message_id: int) -> None:
        if self._indexed:
            search.catch_up(db, [message_id])

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, explained(self.path):
            yield self._connection

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it, or nothing."""
        with self._lock, explained(self.path):
            db = self._connection
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
