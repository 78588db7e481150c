"""When a worker is taken for alive: real ones, stopped, at rest and at work."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

from autoglm_lite.generation import GenerateRequest
from autoglm_lite.planning.plan import Plan
from autoglm_lite.service.notify import Notifier
from autoglm_lite.service.watchdog import lives, watch
from autoglm_lite.worker.client import Worker

LONG = 30.0
SHORT = 1.0
"""Seconds: many times what a worker takes that lives."""


def plan(path: Path, n_ctx: int = 256) -> Plan:
    return Plan(str(path), n_ctx=n_ctx, threads=1, threads_batch=1)


class Heard(Notifier):
    def __init__(self, watchdog_seconds: float) -> None:
        super().__init__("", watchdog_seconds)
        self.signs = asyncio.Event()

    def alive(self) -> None:
        self.signs.set()

    async def sign(self) -> None:
        """Waits for the next one."""
        self.signs.clear()
        await self.signs.wait()


def stop(pid: int) -> None:
    """Returns once all of it stands still."""
    os.kill(pid, signal.SIGSTOP)
    tasks = Path(f"/proc/{pid}/task")
    while any((task / "stat").read_text().rpartition(")")[2].split()[0] != "T" for task in tasks.iterdir()):
        time.sleep(0.01)


async def proved(worker: Worker, seconds: float) -> bool:
    try:
        await asyncio.wait_for(lives(worker), seconds)
    except asyncio.TimeoutError:
        return False
    return True


def test_a_worker_at_rest_lives_until_it_is_stopped(stories_gguf: Path) -> None:
    async def run() -> None:
        async with Worker() as worker:
            assert await proved(worker, LONG), "there is none to prove anything"
            await worker.load(plan(stories_gguf))
            assert worker.pid is not None
            assert await proved(worker, LONG)
            stop(worker.pid)
            assert not await proved(worker, SHORT)
            os.kill(worker.pid, signal.SIGCONT)
            assert await proved(worker, LONG)

    asyncio.run(run())


def test_one_at_work_lives_as_long_as_it_computes(endless_gguf: Path) -> None:
    async def run() -> None:
        async with Worker() as worker:
            await worker.load(plan(endless_gguf, 8192))
            answer = worker.generate(GenerateRequest("Once", templated=False, max_tokens=8000))
            await anext(answer)
            assert worker.seconds_idle is None
            assert await proved(worker, LONG)
            assert worker.pid is not None
            stop(worker.pid)
            assert not await proved(worker, SHORT)
            os.kill(worker.pid, signal.SIGCONT)
            assert await proved(worker, LONG)
            await answer.aclose()

    asyncio.run(run())


def test_who_waits_for_the_proof_of_one_that_dies_goes_on(stories_gguf: Path) -> None:
    async def run() -> None:
        async with Worker() as worker:
            await worker.load(plan(stories_gguf))
            assert worker.pid is not None
            stop(worker.pid)
            waiting = asyncio.create_task(lives(worker))
            await asyncio.sleep(0.1)
            assert not waiting.done()
            os.kill(worker.pid, signal.SIGKILL)
            await asyncio.wait_for(waiting, LONG)

    asyncio.run(run())


def test_no_sign_is_given_while_one_of_several_does_not_answer(stories_gguf: Path) -> None:
    async def run() -> None:
        notifier = Heard(watchdog_seconds=0.15)
        async with Worker() as first, Worker() as second:
            for worker in (first, second):
                await worker.load(plan(stories_gguf))
            watching = asyncio.create_task(watch(lambda: (first, second), notifier, lambda: None))
            for _ in range(3):
                await notifier.sign()
            assert second.pid is not None
            stop(second.pid)
            await asyncio.sleep(SHORT)
            notifier.signs.clear()
            await asyncio.sleep(SHORT)
            assert not notifier.signs.is_set()
            os.kill(second.pid, signal.SIGCONT)
            await notifier.sign()
            watching.cancel()

    asyncio.run(asyncio.wait_for(run(), LONG))
