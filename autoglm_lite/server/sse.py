"""Server-sent events (HTML standard, section 9.2): pieces of an answer, signs of life, and what went wrong midway."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from time import monotonic
from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from autoglm_lite.errors import AutoglmError
from autoglm_lite.generation import Prefill, Waiting
from autoglm_lite.server.endpoint import INTERNAL
from autoglm_lite.server.failures import Failure, failure_of
from autoglm_lite.server.streaming import EVENTS, Streamed, awaited, begun

T = TypeVar("T")
SECONDS_OF_SILENCE = 3.0
"""After which a comment says that somebody is still there: proxies and clients give up silent connections."""
DONE = b"data: [DONE]\n\n"
"""The end of a stream in OpenAI's protocol."""


def data(value: object) -> bytes:
    """One event without a name."""
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


def named(event: str, value: object) -> bytes:
    return f"event: {event}\n".encode() + data(value)


def comment(words: str) -> bytes:
    """What clients pass over."""
    return f": {words}\n\n".encode()


def progress(event: Waiting | Prefill) -> str:
    """In words, for a comment."""
    if isinstance(event, Waiting):
        return f"waiting for {event.ahead} other{'' if event.ahead == 1 else 's'}"
    return f"reading {event.done}/{event.total}"


async def streamed(
    request: Request,
    pieces: AsyncGenerator[bytes | Waiting | Prefill, None],
    tell: Callable[[Failure], bytes],
    sign: Callable[[str], bytes] = comment,
) -> Response:
    """The response, once the first of `pieces` is there: what cannot be begun is raised. `tell`: the last event of a
    stream that failed. `sign`: as of `alive`. Raises ClientDisconnect as well."""
    return Streamed(told(await awaited(request, begun(alive(pieces, sign=sign))), tell), EVENTS)


async def alive(
    pieces: AsyncGenerator[bytes | Waiting | Prefill, None],
    seconds: float = SECONDS_OF_SILENCE,
    sign: Callable[[str], bytes] = comment,
) -> AsyncGenerator[bytes, None]:
    """The same pieces; Waiting and Prefill, and silence after the first of all, become what `sign` makes of words on
    them, and that only after so many seconds without anything else."""
    said, words = monotonic(), "working"
    # Whoever waits for the next piece must have given up before the pieces can be closed.
    async with aclosing(pieces), aclosing(_timed(pieces, seconds)) as timed:
        async for piece in timed:
            if isinstance(piece, Waiting | Prefill):
                words = progress(piece)
            if isinstance(piece, bytes):
                yield piece
            elif monotonic() - said >= seconds:
                yield sign(words)
            else:
                continue
            said = monotonic()


async def _timed(pieces: AsyncGenerator[T, None], seconds: float) -> AsyncGenerator[T | None, None]:
    """The same pieces, and None each time that none has come for so long after the first."""
    # Before the first there may be a refusal yet, which is no event of a stream.
    coming: asyncio.Future[T] | None = None
    patience = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(pieces))
            await asyncio.wait((coming,), timeout=patience)
            patience = seconds
            if not coming.done():
                yield None
                continue
            try:
                piece = coming.result()
            except StopAsyncIteration:
                return
            coming = None
            yield piece
    finally:
        if coming is not None:
            coming.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await coming


async def told(pieces: AsyncGenerator[T, None], tell: Callable[[Failure], T]) -> AsyncGenerator[T, None]:
    """The same pieces; where they fail midway, what `tell` makes of that is the last one: no stream ends in silence."""
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece
    except AutoglmError as error:
        yield tell(failure_of(error))
    except Exception:
        traceback.print_exc(file=sys.stderr)
        yield tell(INTERNAL)
