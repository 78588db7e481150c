"""An answer kept while it grows: piece by piece where it outlives this process, now and then where it outlives a power
cut."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress
from dataclasses import replace

from autoglm_lite.chat.growing import Begun, GrowingFile
from autoglm_lite.chat.history import History, State
from autoglm_lite.chat.prompt import Turn
from autoglm_lite.chat.reasoning import Part
from autoglm_lite.errors import HistoryError

SECONDS_BETWEEN_WRITES = 1.0


class Recorder:
    """Each piece goes to a file of this answer at once, which takes microseconds, and all of it to the database in a
    thread beside the event loop, so that a slow disk does not hold up the stream. Where that file cannot be written,
    the database remains."""

    def __init__(self, history: History, conversation_id: str, model: str, turn: Turn) -> None:
        """`turn` is on disk as far as it has come: its question, and perhaps the beginning of its answer."""
        self._history = history
        self._conversation_id = conversation_id
        self._model = turn.model if turn.model is not None and turn.answer_id is not None else model
        self._begun = turn
        self._parts: dict[Part, list[str]] = {"answer": [turn.answer], "reasoning": [turn.reasoning]}
        self._message_id = turn.answer_id
        self.came = False
        """Whether anything was added."""
        self._created: float | None = None
        """When the first piece came."""
        self._file: GrowingFile | None = None
        self._state: State | None = None
        self._lock = threading.Lock()
        self._writing: asyncio.Task[None] | None = None
        self._due = time.monotonic()

    def add(self, part: Part, text: str) -> None:
        """Keeps it; whoever is shown it afterwards finds it again after `kill -9`. Starts to write what came so far to
        the database if the last write is long enough ago; never waits for that."""
        self._parts[part].append(text)
        self.came = True
        if self._created is None:
            self._created = time.time()
            self._file = self._begin()
        elif self._file is not None:
            self._file.add(part, text)
        now = time.monotonic()
        if now >= self._due and (self._writing is None or self._writing.done()):
            self._due = now + SECONDS_BETWEEN_WRITES
            self._writing = asyncio.create_task(self._write_beside())

    async def finish(self, state: State) -> None:
        """Raises HistoryError; the answer may then be missing on disk, in whole or in its last second."""
        await asyncio.to_thread(self.finish_now, state)

    def finish_now(self, state: State) -> None:
        """The same without an event loop; only the first call counts."""
        with self._lock:
            if self._state is None:
                if not self.came and self._message_id is not None and state != "complete":
                    # The answer stays as it was.
                    state = self._begun.state
                self._write(state)
                self._state = state
                if self._file is not None:
                    self._file.remove()

    def leave(self) -> None:
        """When no more comes. What could not be written is for whoever opens the conversations next."""
        if self._file is not None:
            self._file.leave()

    def turn(self) -> Turn:
        answer, reasoning = self._texts()
        return replace(
            self._begun,
            answer=answer,
            reasoning=reasoning,
            state=self._state or "cut off",
            model=self._model,
            answer_id=self._message_id,
        )

    def _begin(self) -> GrowingFile | None:
        begun = self._begun
        if begun.question_id is None or self._created is None:
            return None
        answer, reasoning = self._texts()
        which = Begun(self._conversation_id, begun.question_id, begun.answer_id, self._model, self._created)
        try:
            return GrowingFile(self._history.growing, which, [("reasoning", reasoning), ("answer", answer)])
        except OSError:
            return None

    async def _write_beside(self) -> None:
        # A write that fails is tried again by the next one; only the last one has to succeed.
        with suppress(HistoryError):
            await asyncio.to_thread(self._write_growing)

    def _write_growing(self) -> None:
        with self._lock:
            if self._state is None:
                self._write("cut off")

    def _write(self, state: State) -> None:
        answer, reasoning = self._texts()
        if self._message_id is not None:
            self._message_id = self._history.save_answer(
                self._message_id, answer, reasoning, state, created=self._created
            )
        elif answer or reasoning or state == "complete":
            self._message_id = self._history.add_answer(
                *(self._conversation_id, answer, reasoning, self._model, state),
                question=self._begun.question_id,
                created=self._created,
            )

    def _texts(self) -> tuple[str, str]:
        return "".join(self._parts["answer"]), "".join(self._parts["reasoning"])
