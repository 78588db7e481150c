"""Answers that come in pieces, and work that ends when its client goes away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing, suppress
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

T = TypeVar("T")
EVENTS = "text/event-stream"
LINES = "application/x-ndjson"


class Streamed(Response):
    """Sends each piece as it comes; when the client goes away, the pieces' generator is closed."""

    def __init__(self, pieces: AsyncGenerator[bytes, None], media_type: str) -> None:
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self._pieces = pieces
        # A proxy would hold the pieces back.
        self.init_headers({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(ClientDisconnect):
            await until_gone(receive, self._send(send))

    async def _send(self, send: Send) -> None:
        async with aclosing(self._pieces) as pieces:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def until_gone(receive: Receive, work: Coroutine[object, object, T]) -> T:
    """The result of `work`, which is cancelled, and its end awaited, when the client goes away or this is cancelled.

    Raises ClientDisconnect when the client has gone.
    """
    # Not Starlette's own: its cancel scope would interrupt again each wait that ends the work.
    working = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait((working, watching), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        watching.cancel()
        working.cancel()
        for task in (working, watching):
            with suppress(asyncio.CancelledError, Exception):
                await task


async def awaited(request: Request, work: Coroutine[object, object, T]) -> T:
    """The same, once the request's body was read."""
    return await until_gone(request.receive, work)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def begun(pieces: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """The same pieces, once the first of them is there: what cannot be begun is refused before an answer is."""
    try:
        first = await anext(pieces)
    except StopAsyncIteration:
        return _none()
    except BaseException:
        await pieces.aclose()
        raise
    return _after(first, pieces)


async def _after(first: T, rest: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    async with aclosing(rest):
        yield first
        async for piece in rest:
            yield piece


async def _none() -> AsyncGenerator[T, None]:
    nothing: tuple[T, ...] = ()
    for piece in nothing:
        yield piece
