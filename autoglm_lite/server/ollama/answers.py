"""What Ollama's clients get: the forms of its answers, and the counts and times that end each."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta, timezone
from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from autoglm_lite.generation import Finished, FinishReason, Prefill, TokenLogprob, Waiting
from autoglm_lite.server.ollama.errors import failed
from autoglm_lite.server.sse import alive, told
from autoglm_lite.server.streaming import LINES, Streamed, awaited, begun

DoneReason = Literal["stop", "length", "load", "unload"]
REASONS: dict[FinishReason, DoneReason] = {
    "stop": "stop",
    "length": "length",
    "context": "length",
    "cancelled": "stop",
}


class Function(msgspec.Struct):
    index: int
    name: str
    arguments: dict[str, Any]


class Called(msgspec.Struct):
    id: str
    function: Function


class Said(msgspec.Struct, omit_defaults=True):
    role: Literal["assistant"]
    content: str
    thinking: str = ""
    tool_calls: list[Called] = []


class TopLogprob(msgspec.Struct):
    token: str
    logprob: float
    bytes: list[int]


class Logprob(TopLogprob, omit_defaults=True):
    top_logprobs: list[TopLogprob] = []


class Answer(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A piece of an answer, or all of it; durations in nanoseconds."""

    model: str
    created_at: str
    done: bool
    done_reason: DoneReason | None = None
    total_duration: int | None = None
    load_duration: int | None = None
    prompt_eval_count: int | None = None
    prompt_eval_duration: int | None = None
    eval_count: int | None = None
    eval_duration: int | None = None
    logprobs: list[Logprob] = []


class ChatAnswer(Answer, omit_defaults=True, kw_only=True):
    message: Said


class GenerateAnswer(Answer, omit_defaults=True, kw_only=True):
    response: str
    thinking: str = ""
    context: list[int] = []
    """With the last piece, unless the prompt was raw: the conversation so far, as tokens."""


class Clock:
    """Of one request, to a model by the name that it was `asked` by; none: the one that the service chooses."""

    def __init__(self, asked: str | None) -> None:
        self.model = asked or ""
        self._began = self._loaded = time.perf_counter()

    def loaded(self, name: str) -> None:
        """Its model, which is called `name` here."""
        self.model = self.model or name
        self._loaded = time.perf_counter()

    @property
    def load_duration(self) -> int:
        return nanoseconds(self._loaded - self._began)

    @property
    def total_duration(self) -> int:
        return nanoseconds(time.perf_counter() - self._began)

    def piece(self) -> dict[str, Any]:
        """The fields that all pieces have."""
        return {"model": self.model, "created_at": timestamp(), "done": False}

    def end(self, finished: Finished) -> dict[str, Any]:
        """Those of the last."""
        return {
            **self.piece(),
            "done": True,
            "done_reason": REASONS[finished.reason],
            "total_duration": self.total_duration,
            "load_duration": self.load_duration,
            "prompt_eval_count": finished.prompt_tokens,
            "prompt_eval_duration": nanoseconds(finished.prefill_seconds),
            "eval_count": finished.completion_tokens,
            "eval_duration": nanoseconds(finished.decode_seconds),
        }


def nanoseconds(seconds: float) -> int:
    """At least one: clients divide by it."""
    return max(1, round(seconds * 1e9))


def timestamp(seconds: float | None = None) -> str:
    """RFC 3339, of a time in seconds since 1970; None: of now."""
    moment = datetime.fromtimestamp(time.time() if seconds is None else seconds, timezone.utc)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def never() -> str:
    """What Ollama says of a model that is kept for ever: as far from now as its durations reach."""
    return timestamp((datetime.now(timezone.utc) + timedelta(seconds=2**63 // 10**9)).timestamp())


def line(answer: Answer) -> bytes:
    return msgspec.json.encode(answer) + b"\n"


async def lines(
    answers: AsyncGenerator[Answer | Waiting | Prefill, None],
) -> AsyncGenerator[bytes | Waiting | Prefill, None]:
    """One JSON object in each, but for what tells of the wait."""
    async with aclosing(answers):
        async for answer in answers:
            yield line(answer) if isinstance(answer, Answer) else answer


async def streamed(
    request: Request, answers: AsyncGenerator[Answer | Waiting | Prefill, None], silent: Callable[[], Answer]
) -> Response:
    """The response, once the first answer is there or it is plain that it takes a while: `silent` then makes one that
    says nothing, every few seconds, since clients give up silent connections. Raises what keeps it from beginning."""
    pieces = alive(lines(answers), sign=lambda words: line(silent()))
    return Streamed(told(await awaited(request, begun(pieces)), failed), LINES)


def logprobs(given: Sequence[TokenLogprob]) -> list[Logprob]:
    return [
        Logprob(*_token(one.piece, one.logprob), [TopLogprob(*_token(piece, value)) for _, piece, value in one.top])
        for one in given
    ]


def _token(piece: bytes, logprob: float) -> tuple[str, float, list[int]]:
    # JSON knows no infinity, which a token that cannot come has.
    return piece.decode("utf-8", "replace"), max(logprob, -1e9), list(piece)
