"""Who may use the worker's child at the same time: answers beside answers, everything else alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """Turns in the order in which they were asked for; belongs to one event loop."""

    def __init__(self) -> None:
        self._door = asyncio.Lock()
        self._n_sharing = 0
        self._nobody = asyncio.Event()
        self._nobody.set()

    @property
    def taken(self) -> bool:
        return self._door.locked() or self._n_sharing > 0

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        """Beside others who share."""
        async with self._door:
            self._n_sharing += 1
            self._nobody.clear()
        try:
            yield
        finally:
            self._n_sharing -= 1
            if not self._n_sharing:
                self._nobody.set()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Once those who share have ended; who comes later waits."""
        async with self._door:
            await self._nobody.wait()
            yield
