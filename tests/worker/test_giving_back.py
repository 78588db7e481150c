"""A real child gives back its context, or ends, and answers afterwards as before."""

from __future__ import annotations

import asyncio
import os
import resource
from dataclasses import replace
from pathlib import Path

import pytest

from autoglm_lite.errors import LoadError, NoRoomError, WorkerDiedError
from autoglm_lite.generation import Finished, GenerateRequest, Sampling, Text
from autoglm_lite.gguf.facts import read_facts
from autoglm_lite.hardware import process_memory
from autoglm_lite.hardware.room import Room
from autoglm_lite.planning.memory import kv_bytes
from autoglm_lite.planning.plan import Plan
from autoglm_lite.worker import client
from autoglm_lite.worker.client import Worker
from tests.hardware.trees import GIB
from tests.worker.loaded import with_worker
from tests.worker.test_worker import answer

QUESTION = GenerateRequest("Once upon a time", templated=False, sampling=Sampling(temperature=0), max_tokens=30)
ENDLESS = GenerateRequest("Once upon a time", templated=False, sampling=Sampling(seed=1))


def plan_of(model: Path, n_ctx: int = 16384) -> Plan:
    return Plan(str(model), n_ctx, threads=1, threads_batch=1)


def test_a_context_that_is_shed_returns_its_memory_and_comes_back(endless_gguf: Path) -> None:
    plan = plan_of(endless_gguf)
    kv = kv_bytes(read_facts(endless_gguf), plan)

    async def test(worker: Worker) -> None:
        assert worker.pid is not None
        text, _, _ = await answer(worker, QUESTION)
        before = process_memory(worker.pid)
        assert worker.loaded is not None
        assert worker.context_bytes == worker.loaded.context_bytes >= kv > 10_000_000
        freed = await worker.shed_context()
        after = process_memory(worker.pid)
        for was, is_now in zip(before, after, strict=True):
            assert was - is_now >= kv
        assert freed >= kv
        assert worker.context_bytes == 0
        # There is nothing left of it to be freed.
        assert await worker.shed_context() < kv / 100
        again, finished, _ = await answer(worker, QUESTION)
        assert (again, finished.cached_tokens) == (text, 0)
        assert worker.context_bytes >= kv
        assert (await answer(worker, QUESTION))[1].cached_tokens == finished.prompt_tokens - 1

    with_worker(plan, test)


def test_a_context_that_finds_too_little_memory_is_told_of_and_tried_again(endless_gguf: Path) -> None:
    async def test(worker: Worker) -> None:
        pid = worker.pid
        assert pid is not None
        text, _, _ = await answer(worker, QUESTION)
        await worker.shed_context()
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
        full = resource.prlimit(pid, resource.RLIMIT_AS)
        resource.prlimit(pid, resource.RLIMIT_AS, (pages * resource.getpagesize() + 2_000_000, full[1]))
        for _ in range(2):
            with pytest.raises(LoadError, match="too little memory now"):
                await answer(worker, QUESTION)
            assert worker.context_bytes == 0
        assert worker.pid == pid
        assert await worker.tokenize("hello", templated=False)
        resource.prlimit(pid, resource.RLIMIT_AS, full)
        assert (await answer(worker, QUESTION))[0] == text

    with_worker(plan_of(endless_gguf), test)


def test_a_model_that_is_shed_ends_its_process_and_is_loaded_by_the_next_request(stories_gguf: Path) -> None:
    async def run() -> None:
        shares: list[float] = []
        async with Worker() as worker:
            await worker.load(plan_of(stories_gguf, 512), shares.append)
            text, _, _ = await answer(worker, QUESTION)
            for ask in (lambda: answer(worker, QUESTION), lambda: worker.tokenize("x", templated=False)):
                shares.clear()
                pid = worker.pid
                assert pid is not None
                assert await worker.shed_model() > 0
                with pytest.raises(ProcessLookupError):
                    os.kill(pid, 0)
                assert (worker.pid, worker.loaded, worker.plan) == (None, None, None)
                assert (await worker.shed_model(), await worker.shed_context()) == (0, 0)
                await ask()
                assert shares[-1] == 1.0
                assert worker.plan == plan_of(stories_gguf, 512)
            assert (await answer(worker, QUESTION))[0] == text
            await worker.shed_model()
            await worker.close()
            with pytest.raises(WorkerDiedError):
                await answer(worker, QUESTION)

    asyncio.run(run())


def test_a_model_that_cannot_be_loaded_again_is_told_of_and_tried_again(stories_gguf: Path, tmp_path: Path) -> None:
    model = tmp_path / "model.gguf"
    model.write_bytes(stories_gguf.read_bytes())

    async def test(worker: Worker) -> None:
        text, _, _ = await answer(worker, QUESTION)
        await worker.shed_model()
        model.rename(tmp_path / "away.gguf")
        for _ in range(2):
            with pytest.raises(LoadError):
                await answer(worker, QUESTION)
        (tmp_path / "away.gguf").rename(model)
        assert (await answer(worker, QUESTION))[0] == text

    with_worker(plan_of(model, 512), test)


def test_a_model_is_not_loaded_again_where_that_would_end_a_program(
    stories_gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = Room(GIB, 0, 4 * GIB, 0, limited=False)

    async def test(worker: Worker) -> None:
        text, _, _ = await answer(worker, QUESTION)
        held = await worker.shed_model()
        monkeypatch.setattr(client, "read_room", lambda: replace(full, swap_free=held - 1))
        with pytest.raises(LoadError, match=r"too little memory now to load the model again: it needs \d+ MB"):
            await answer(worker, QUESTION)
        with pytest.raises(LoadError, match="Close other programs"):
            await worker.load(plan_of(stories_gguf, 512))
        assert worker.pid is None
        monkeypatch.setattr(client, "read_room", lambda: replace(full, swap_free=held))
        assert (await answer(worker, QUESTION))[0] == text
        # A context that was given back before the model is needed again with it.
        assert await worker.shed_context() > 0
        rest = await worker.shed_model()
        assert rest < held
        monkeypatch.setattr(client, "read_room", lambda: replace(full, swap_free=rest))
        with pytest.raises(NoRoomError):
            await answer(worker, QUESTION)

    with_worker(plan_of(stories_gguf, 512), test)


def test_nothing_is_taken_from_a_model_at_work(stories_gguf: Path) -> None:
    async def test(worker: Worker) -> None:
        pid = worker.pid
        idle = [worker.seconds_idle]
        async for event in worker.generate(ENDLESS):
            if isinstance(event, Text):
                idle.append(worker.seconds_idle)
                assert (await worker.shed_context(), await worker.shed_model()) == (0, 0)
        assert isinstance(event, Finished)
        assert event.completion_tokens > 10
        assert worker.pid == pid
        idle.append(worker.seconds_idle)
        assert idle[0] is not None
        assert set(idle[1:-1]) == {None}
        assert idle[-1] is not None

    with_worker(plan_of(stories_gguf, 256), test)


def test_less_effort_counts_in_the_middle_of_an_answer(stories_gguf: Path) -> None:
    async def test(worker: Worker) -> None:
        assert worker.pid is not None
        begun = os.getpriority(os.PRIO_PROCESS, worker.pid)
        threads = [int(entry.name) for entry in Path(f"/proc/{worker.pid}/task").iterdir()]
        async for event in worker.generate(replace(ENDLESS, max_tokens=100)):
            if isinstance(event, Text) and os.getpriority(os.PRIO_PROCESS, worker.pid) == begun:
                worker.set_effort(1, 5)
        assert {os.getpriority(os.PRIO_PROCESS, thread) for thread in threads} == {begun + 5}
        # Without the right to, it stays where it is, and nothing else changes.
        worker.set_effort(1, 0)
        await answer(worker, QUESTION)

    with_worker(plan_of(stories_gguf, 512), test)
