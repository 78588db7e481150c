"""What an answer took: tokens, and time as llama-server gives it."""

from __future__ import annotations

import msgspec

from autoglm_lite.generation import Finished, Prefill, Waiting


class PromptDetails(msgspec.Struct):
    cached_tokens: int


class CompletionDetails(msgspec.Struct):
    reasoning_tokens: int


class Usage(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails
    completion_tokens_details: CompletionDetails


class Timings(msgspec.Struct):
    """As llama-server has it, of the first choice; milliseconds and tokens per second."""

    cache_n: int
    prompt_n: int
    prompt_ms: float
    prompt_per_second: float
    predicted_n: int
    predicted_ms: float
    predicted_per_second: float


class PromptProgress(msgspec.Struct, omit_defaults=True):
    """How far the prompt is read: llama-server's `return_progress`, and what it does not say."""

    total: int
    cache: int
    processed: int
    """Of `total`, with those that were cached."""
    time_ms: int
    ahead: int = 0
    """Others that are answered first; none of the prompt is read yet."""
    seconds_left: float | None = None
    """Until the first token, where it can be told."""


class StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class Tally:
    """Adds up what the choices of one request took."""

    def __init__(self) -> None:
        self._prompt = self._cached = self._completion = self.reasoning = 0
        self._first: Finished | None = None

    def add(self, end: Finished) -> None:
        self._completion += end.completion_tokens
        if end.choice == 0:
            self._prompt += end.prompt_tokens
            self._cached += end.cached_tokens
            self._first = self._first or end

    def usage(self) -> Usage:
        return Usage(
            self._prompt,
            self._completion,
            self._prompt + self._completion,
            PromptDetails(self._cached),
            CompletionDetails(self.reasoning),
        )

    def timings(self) -> Timings:
        end = self._first
        if end is None:
            return Timings(0, 0, 0.0, 0.0, 0, 0.0, 0.0)
        return Timings(
            end.cached_tokens,
            end.prompt_tokens - end.cached_tokens,
            end.prefill_seconds * 1000,
            end.prefill_tokens_per_second,
            end.completion_tokens,
            end.decode_seconds * 1000,
            end.decode_tokens_per_second,
        )


def prompt_progress(event: Waiting | Prefill, seconds: float) -> PromptProgress:
    """`seconds`: since the request was asked."""
    if isinstance(event, Waiting):
        return PromptProgress(0, 0, 0, int(seconds * 1000), ahead=event.ahead)
    return PromptProgress(event.total, event.cached, event.done, int(seconds * 1000), seconds_left=event.seconds_left)
