"""From the chunks of a completion to the events of a worker."""

from __future__ import annotations

import time
from typing import Any

from autoglm_lite.errors import WorkerDiedError
from autoglm_lite.generation import Event, Finished, FinishReason, Prefill, Text, Waiting
from autoglm_lite.remote.http import GONE, ServiceGoneError

DIED = "The running service could not finish the answer"


class AnswerSoFar:
    """What was said of one answer."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._first: float | None = None
        """When the first text came."""
        self._n_texts = 0
        self._reason: str | None = None
        self._prefill = Prefill(0, 0, 0)
        self._usage: dict[str, Any] = {}
        self._timings: dict[str, Any] = {}

    def take(self, chunk: dict[str, Any]) -> list[Event]:
        """The events in one chunk. Raises WorkerDiedError with what the service says has ended the answer."""
        if (error := chunk.get("error")) is not None:
            said = error.get("message") if isinstance(error, dict) else error
            raise WorkerDiedError(str(said or f"{DIED}: ask again."))
        events: list[Event] = []
        if progress := chunk.get("prompt_progress"):
            events.append(self._progress(progress))
        self._usage = chunk.get("usage") or self._usage
        self._timings = chunk.get("timings") or self._timings
        for choice in chunk.get("choices") or ():
            if text := choice.get("text"):
                self._first = self._first or time.monotonic()
                self._n_texts += 1
                events.append(Text(text, 1))
            self._reason = choice.get("finish_reason") or self._reason
        return events

    def _progress(self, said: dict[str, Any]) -> Waiting | Prefill:
        if said.get("ahead"):
            return Waiting(said["ahead"])
        self._prefill = Prefill(said["processed"], said["total"], said["cache"], said.get("seconds_left"))
        return self._prefill

    def finished(self, n_ctx: int) -> Finished:
        """`n_ctx`: tokens that the context holds. Raises ServiceGoneError where the answer is not whole."""
        if self._reason is None:
            raise ServiceGoneError(GONE)
        found = self._finished("length" if self._reason == "length" else "stop")
        # OpenAI has one word for an answer that is as long as was asked and for a context that is full.
        full = found.prompt_tokens + found.completion_tokens >= n_ctx
        return self._finished("context") if found.reason == "length" and full else found

    def cancelled(self) -> Finished:
        return self._finished("cancelled")

    def _finished(self, reason: FinishReason) -> Finished:
        now = time.monotonic()
        first = self._first or now
        details = self._usage.get("prompt_tokens_details") or {}
        return Finished(
            reason,
            self._usage.get("prompt_tokens", self._prefill.total),
            details.get("cached_tokens", self._prefill.cached),
            self._usage.get("completion_tokens", self._n_texts),
            self._timings.get("prompt_ms", 1000 * (first - self._began)) / 1000,
            self._timings.get("predicted_ms", 1000 * (now - first)) / 1000,
        )
