"""Measurements in a real child: results, progress, cancels, deaths, and chatting afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from autoglm_lite.errors import LoadError, UsageError, WorkerDiedError
from autoglm_lite.generation import Finished, GenerateRequest, Sampling
from autoglm_lite.measurement import ChunkScores, Scored, Scores, TokensRead
from autoglm_lite.planning.plan import Plan
from autoglm_lite.worker.client import Worker
from autoglm_lite.worker.measuring import input_sums, layer_similarity, score
from tests.gguf.tiny import N_LAYER, llama

TEXT = (Path(__file__).parents[1] / "data" / "imatrix" / "text.txt").read_text(encoding="utf-8")
LONG = TEXT * 2000


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Plan(str(llama().write(tmp_path / "tiny.gguf")), 128, threads=1, threads_batch=1)


def with_worker(test: Callable[[Worker], Awaitable[None]]) -> None:
    async def run() -> None:
        async with Worker() as worker:
            await test(worker)

    asyncio.run(run())


def test_inputs_arrive_whole(plan: Plan) -> None:
    async def test(worker: Worker) -> None:
        reads: list[TokensRead] = []
        sums, n_chunks = await input_sums(worker, plan, TEXT, reads.append)
        assert len(sums) == 7 * N_LAYER
        assert n_chunks == 3
        assert reads[0] == TokensRead(0, 384)
        assert reads[-1] == TokensRead(384, 384)
        for found in sums.values():
            assert found.squares.dtype == np.float32
            assert (found.squares > 0).all()
            assert found.counts.tolist() == [384]
        assert sums["blk.0.ffn_down.weight"].squares.shape == (1, 96)
        again, _ = await input_sums(worker, plan, TEXT)
        assert all((again[name].squares == found.squares).all() for name, found in sums.items())

    with_worker(test)


def test_scores_and_comparison(plan: Plan, tmp_path: Path) -> None:
    async def test(worker: Worker) -> None:
        alone, against = Scores(), Scores()
        async for event in score(worker, plan, TEXT):
            if isinstance(event, ChunkScores):
                alone.add(event)
        assert event == Scored(3, 3)
        events = [event async for event in score(worker, plan, TEXT, base="keep", folder=tmp_path / "cache")]
        assert events[-1] == Scored(3, 3)
        assert list((tmp_path / "cache").iterdir()) == []
        async for event in score(worker, plan, TEXT, base="compare", folder=tmp_path / "cache"):
            if isinstance(event, ChunkScores):
                against.add(event)
        assert against.perplexity().value == pytest.approx(alone.perplexity().value, rel=1e-6)
        assert against.divergence().same_top == 1

    with_worker(test)


def test_layers_are_compared(plan: Plan) -> None:
    async def test(worker: Worker) -> None:
        similarity = await layer_similarity(worker, plan, TEXT)
        assert len(similarity) == N_LAYER
        assert all(-1 < value < 1 for value in similarity)

    with_worker(test)


def test_a_model_to_chat_with_makes_room_and_comes_back(plan: Plan) -> None:
    async def test(worker: Worker) -> None:
        request = GenerateRequest("Once", templated=False, sampling=Sampling(temperature=0), max_tokens=8)
        await worker.load(plan)
        before = [event async for event in worker.generate(request) if not isinstance(event, Finished)]
        pid = worker.pid
        await layer_similarity(worker, plan, TEXT)
        assert worker.loaded is None
        with pytest.raises(LoadError, match="No model is loaded"):
            await worker.tokenize("x", templated=False)
        await worker.load(plan)
        assert worker.pid == pid
        assert [event async for event in worker.generate(request) if not isinstance(event, Finished)] == before

    with_worker(test)


def test_a_scoring_left_early_leaves_the_child_at_rest(plan: Plan) -> None:
    async def test(worker: Worker) -> None:
        scores = score(worker, plan, LONG)
        async for event in scores:
            assert isinstance(event, ChunkScores)
            break
        pid = worker.pid
        await scores.aclose()
        assert len(await layer_similarity(worker, plan, TEXT)) == N_LAYER
        assert worker.pid == pid

    with_worker(test)


def test_a_cancelled_task_leaves_the_child_at_rest(plan: Plan) -> None:
    async def test(worker: Worker) -> None:
        begun = asyncio.Event()
        measuring = asyncio.ensure_future(input_sums(worker, plan, LONG, lambda _: begun.set()))
        await begun.wait()
        pid = worker.pid
        measuring.cancel()
        with pytest.raises(asyncio.CancelledError):
            await measuring
        assert (await input_sums(worker, plan, TEXT))[1] == 3
        assert worker.pid == pid

    with_worker(test)


def test_a_death_in_mid_measurement_is_said_and_survived(plan: Plan) -> None:
    async def test(worker: Worker) -> None:
        with pytest.raises(WorkerDiedError, match="memory ran out"):
            async for event in score(worker, plan, LONG):
                if isinstance(event, ChunkScores) and worker.pid is not None:
                    os.kill(worker.pid, signal.SIGKILL)
        assert len(await layer_similarity(worker, plan, TEXT)) == N_LAYER

    with_worker(test)


def test_failures_are_told_and_survived(plan: Plan, tmp_path: Path) -> None:
    async def test(worker: Worker) -> None:
        with pytest.raises(UsageError, match="give a longer text"):
            await input_sums(worker, plan, "short")
        broken = tmp_path / "broken.gguf"
        broken.write_bytes(b"GGUF" + bytes(100))
        with pytest.raises(LoadError, match=r"cannot load .* It says: .+\.$"):
            await layer_similarity(worker, Plan(str(broken), 128, threads=1, threads_batch=1), TEXT)
        assert (await input_sums(worker, plan, TEXT))[1] == 3

    with_worker(test)
