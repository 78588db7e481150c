"""An answer put on disk while it grows."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress
from dataclasses import replace

from autoglm_lite.chat.history import History, State
from autoglm_lite.chat.prompt import Turn
from autoglm_lite.chat.reasoning import Part
from autoglm_lite.errors import HistoryError

SECONDS_BETWEEN_WRITES = 1.0


class Recorder:
    """Writes in a thread beside the event loop, so that a slow disk does not hold up the stream."""

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
        self._state: State | None = None
        self._lock = threading.Lock()
        self._writing: asyncio.Task[None] | None = None
        self._due = time.monotonic()

    def add(self, part: Part, text: str) -> None:
        """Starts to write what came so far if the last write is long enough ago; never waits."""
        self._parts[part].append(text)
        self.came = True
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
            self._history.save_answer(self._message_id, answer, reasoning, state)
        elif answer or reasoning or state == "complete":
            self._message_id = self._history.add_answer(
                self._conversation_id, answer, reasoning, self._model, state, question=self._begun.question_id
            )

    def _texts(self) -> tuple[str, str]:
        return "".join(self._parts["answer"]), "".join(self._parts["reasoning"])
