"""The stopwatch with a real worker and the starter."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import pytest

from autoglm_lite.errors import LoadError, WorkerDiedError
from autoglm_lite.generation import Event, Finished, GenerateRequest
from autoglm_lite.planning.plan import Plan
from autoglm_lite.store import starter_path
from autoglm_lite.tune import stopwatch
from autoglm_lite.tune.stopwatch import Stopwatch
from autoglm_lite.tune.turn import SLOW
from autoglm_lite.worker.client import Worker

PLAN = Plan(str(starter_path()), 1024, threads=1, threads_batch=1)


class Listening(Worker):
    """Keeps how each answer ended."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[Finished] = []

    async def generate(self, request: GenerateRequest) -> AsyncGenerator[Event, None]:
        async with aclosing(super().generate(request)) as events:
            async for event in events:
                if isinstance(event, Finished):
                    self.ends.append(event)
                yield event


def test_a_plan_is_measured_again_and_again_without_being_remembered() -> None:
    async def test() -> None:
        worker = Listening()
        async with worker:
            watch = Stopwatch(worker)
            speeds = [await watch.choose_length(PLAN)]
            speeds += [await watch.measure(PLAN, 1) for _ in range(3)]
            speeds.append(await watch.measure(replace(PLAN, n_ubatch=128), 1))
            for speed in speeds:
                assert speed.turn == 512 * speed.prefill + 128 * speed.decode > 0
            # The same prompt in the same context, of which only the first tokens may be alike.
            long = [end for end in worker.ends if end.prompt_tokens > 40 and end.cached_tokens < end.prompt_tokens - 1]
            assert len(long) >= 5
            assert max(end.cached_tokens for end in long) <= 4

    asyncio.run(test())


def test_what_takes_too_long_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with Worker() as worker:
            watch = Stopwatch(worker)
            await watch.choose_length(PLAN)
            monkeypatch.setattr(watch, "_limit", 0.001)
            assert await watch.measure(PLAN, 1) == SLOW
            monkeypatch.setattr(watch, "_limit", 60.0)
            # The worker is ready for the next.
            assert (await watch.measure(PLAN, 2)).turn > 0

    asyncio.run(test())


def test_a_plan_that_cannot_be_loaded_does_not_spoil_the_next() -> None:
    async def test() -> None:
        async with Worker() as worker:
            watch = Stopwatch(worker)
            await watch.choose_length(PLAN)
            with pytest.raises(LoadError):
                await watch.measure(replace(PLAN, kv_type="q8_0", flash_attention=False), 1)
            assert (await watch.measure(PLAN, 1)).turn > 0

    asyncio.run(test())


def test_a_death_does_not_spoil_the_next() -> None:
    async def test() -> None:
        async with Worker() as worker:
            watch = Stopwatch(worker)
            await watch.choose_length(PLAN)
            assert worker.pid is not None
            os.kill(worker.pid, signal.SIGKILL)
            with pytest.raises(WorkerDiedError):
                await watch.measure(PLAN, 1)
            assert (await watch.measure(PLAN, 2)).turn > 0

    asyncio.run(test())


def test_measurements_are_as_long_as_the_machine_is_fast() -> None:
    async def test() -> None:
        async with Worker() as worker:
            watch = Stopwatch(worker)
            await watch.choose_length(replace(PLAN, n_ctx=64))
            assert watch.tokens == (32, 16)
            await watch.choose_length(PLAN)
            prompt, answer = watch.tokens
            assert stopwatch.LEAST_TOKENS[0] <= prompt <= stopwatch.MOST_TOKENS[0]
            assert stopwatch.LEAST_TOKENS[1] <= answer <= stopwatch.MOST_TOKENS[1]

    asyncio.run(test())
