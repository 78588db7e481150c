"""After many requests, and many loadings, a worker and its client hold what they held at the beginning."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from autoglm_lite.generation import GenerateRequest, Sampling
from autoglm_lite.hardware.process import process_memory
from autoglm_lite.planning.plan import Plan
from autoglm_lite.worker.client import Worker
from tests.worker.test_worker import answer

ROOT = Path(__file__).parents[2]
STARTER = ROOT / "autoglm_lite/data/starter.gguf"
N_REQUESTS, N_LOADS = 1000, 200
WARM_UP = 10
"""Times after which all that is kept for good has been made."""
LEAST_BYTES = 4 << 20
"""What the allocator may keep more at one time than at another."""

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Holding:
    anonymous: int
    threads: int
    files: int


def holding(pid: int) -> Holding:
    n_threads, n_files = (len(list(Path(f"/proc/{pid}/{name}").iterdir())) for name in ("task", "fd"))
    return Holding(process_memory(pid)[1], n_threads, n_files)


async def as_before(pid: int, times: int, once: Callable[[int], Awaitable[None]]) -> None:
    """`once` may be done so many times, and the process `pid` holds no more than after the first few."""
    for i in range(WARM_UP):
        await once(i)
    gc.collect()
    before = holding(pid)
    for i in range(times):
        await once(i)
    gc.collect()
    after = holding(pid)
    assert (after.threads, after.files) == (before.threads, before.files)
    # A byte for each would be seen in a hundred thousand; what is less, and no more the longer it runs, is noise.
    assert after.anonymous - before.anonymous < max(LEAST_BYTES, before.anonymous // 10)


def question(i: int) -> GenerateRequest:
    """Another beginning each time, so that nothing is at hand, and another length."""
    text = f"{i} " + "What can you do? " * (1 + i % 20)
    return GenerateRequest(text, templated=False, sampling=Sampling(seed=i), max_tokens=2 + i % 5)


def plan_of() -> Plan:
    return Plan(str(STARTER), 1024, threads=1, threads_batch=1)


def in_its_own_process(function: str, *arguments: str) -> None:
    """A function of this module: the services of other tests live in this process, and open files as they like."""
    code = f"import sys; from tests.worker import test_leaks; test_leaks.{function}(*sys.argv[1:])"
    command = [sys.executable, "-c", code, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert not done.returncode, done.stderr


def a_thousand_requests(states: str) -> None:
    """Both the worker's child and its client, which is this process, hold what they held."""

    async def run() -> None:
        async with Worker(states=Path(states)) as worker:
            await worker.load(plan_of())
            assert worker.pid is not None
            pid = worker.pid

            async def once(i: int) -> None:
                if i % 10 == 9:
                    # Some are left in the middle.
                    async for _ in (events := worker.generate(question(i))):
                        break
                    await events.aclose()
                elif i % 50 == 8:
                    await worker.shed_context()
                else:
                    await answer(worker, question(i))

            await once(0)
            ours = holding(os.getpid())
            await as_before(pid, N_REQUESTS, once)
            now = holding(os.getpid())
            assert worker.pid == pid
            assert (now.threads, now.files) == (ours.threads, ours.files)

    asyncio.run(run())


def test_a_thousand_requests(tmp_path: Path) -> None:
    in_its_own_process("a_thousand_requests", str(tmp_path / "states"))


def test_two_hundred_loadings_in_one_process(tmp_path: Path) -> None:
    """Of another model in turn, so that the weights are loaded each time."""
    other = tmp_path / "other.gguf"
    other.write_bytes(STARTER.read_bytes())

    async def run() -> None:
        async with Worker() as worker:
            await worker.load(plan_of())
            assert worker.pid is not None
            pid = worker.pid

            async def once(i: int) -> None:
                path = (str(STARTER), str(other))[i % 2]
                await worker.load(Plan(path, 1024, threads=1, threads_batch=1))
                await answer(worker, question(i))

            await as_before(pid, N_LOADS, once)
            assert worker.pid == pid

    asyncio.run(run())


def fifty_unloadings() -> None:
    """Each ends the child; the client, which is this process, is what could keep something."""

    async def run() -> None:
        async with Worker() as worker:
            await worker.load(plan_of())

            async def once(i: int) -> None:
                pid = worker.pid
                assert pid is not None
                await worker.shed_model()
                assert not Path(f"/proc/{pid}").exists()
                await answer(worker, question(i))

            await as_before(os.getpid(), 50, once)
            assert threading.active_count() < 20

    asyncio.run(run())


def test_fifty_unloadings_leave_nothing_behind() -> None:
    in_its_own_process("fifty_unloadings")
