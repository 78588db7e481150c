"""A real worker with a model in it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from autoglm_lite.planning.plan import Plan
from autoglm_lite.worker.client import Worker


def with_worker(plan: Plan, test: Callable[[Worker], Awaitable[None]]) -> None:
    async def run() -> None:
        async with Worker() as worker:
            await worker.load(plan)
            await test(worker)

    asyncio.run(run())
