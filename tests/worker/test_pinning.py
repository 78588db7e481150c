"""Threads compute on the processors that the plan names, and on no others."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from autoglm_lite.generation import GenerateRequest, Sampling
from autoglm_lite.planning.plan import Plan
from autoglm_lite.worker.client import Worker

CPUS = tuple(sorted(os.sched_getaffinity(0)))[:2] if sys.platform.startswith("linux") else ()
pytestmark = pytest.mark.skipif(len(CPUS) < 2, reason="needs Linux and two processors")


def allowed(pid: int) -> list[str]:
    """The processors of each thread, as the kernel lists them."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        match = re.search(r"^Cpus_allowed_list:\s+(\S+)$", (task / "status").read_text(), re.MULTILINE)
        assert match
        found.append(match[1])
    return found


def answers(model: Path, *plans: Plan) -> list[list[str]]:
    """The processors of the worker's threads after an answer by each plan."""

    async def run() -> list[list[str]]:
        found = []
        request = GenerateRequest("Once upon a time", False, Sampling(temperature=0), max_tokens=8)
        async with Worker() as worker:
            for plan in plans:
                await worker.load(replace(plan, model_path=str(model)))
                async for _ in worker.generate(request):
                    pass
                assert worker.pid is not None
                found.append(allowed(worker.pid))
        return found

    return asyncio.run(run())


def test_each_thread_keeps_its_processor(stories_gguf: Path) -> None:
    whole = allowed(os.getpid())[0]
    pinned, unpinned = answers(stories_gguf, Plan("", 256, 2, 2, cpus=CPUS), Plan("", 256, 2, 2))
    assert sorted(set(pinned) - {whole}) == [str(cpu) for cpu in CPUS]
    # The thread that computes first is free again, so that what it starts later begins anywhere.
    assert unpinned.count(whole) > pinned.count(whole)


@pytest.mark.parametrize("cpus", [(), CPUS[:1]])
def test_without_a_processor_for_each_thread_nothing_is_pinned(stories_gguf: Path, cpus: tuple[int, ...]) -> None:
    (found,) = answers(stories_gguf, Plan("", 256, 2, 2, cpus=cpus))
    assert set(found) == set(allowed(os.getpid()))
