"""Signs of life while nothing comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import TypeVar

T = TypeVar("T")


async def with_pauses(events: AsyncGenerator[T, None], seconds: float) -> AsyncGenerator[T | None, None]:
    """The same events, and None whenever none has come for so long."""
    coming: asyncio.Future[T] | None = None
    async with aclosing(events):
        try:
            while True:
                coming = asyncio.ensure_future(anext(events))
                while not (await asyncio.wait((coming,), timeout=seconds))[0]:
                    yield None
                try:
                    event = coming.result()
                except StopAsyncIteration:
                    return
                yield event
        finally:
            if coming is not None and not coming.done():
                coming.cancel()
                with suppress(asyncio.CancelledError, StopAsyncIteration, Exception):
                    await coming
