"""Embeddings and ranks through a real worker."""

from __future__ import annotations

import asyncio
import math
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from autoglm_lite.embedding import Embedded
from autoglm_lite.errors import LoadError, PromptTooLongError, UsageError, WorkerDiedError
from autoglm_lite.generation import Finished, GenerateRequest
from autoglm_lite.gguf import read_facts
from autoglm_lite.planning.make import decide
from autoglm_lite.planning.plan import Plan
from autoglm_lite.worker.client import MAX_TEXT, Worker
from tests.gguf.embedders import bert, cross_encoder, qwen3_embedding, qwen3_reranker
from tests.gguf.tiny import Tiny, llama
from tests.planning.models import GB, machine
from tests.worker.loaded import with_worker

TEXTS = ["the cat sat on the mat", "what is a dog?", "x"]
MANY = TEXTS * 20000
"""Seconds of work, in a request of a megabyte."""


def planned(tiny: Tiny, path: Path) -> Plan:
    return decide(read_facts(tiny.write(path)), machine(GB, cores=1)).plan


@pytest.mark.parametrize("make", [bert, qwen3_embedding])
def test_vectors_of_length_one_in_order(make: Callable[[], Tiny], tmp_path: Path) -> None:
    async def test(worker: Worker) -> None:
        assert worker.loaded is not None
        assert worker.loaded.n_ctx == 128
        found = await worker.embed(TEXTS * 30)
        assert (len(found.vectors), len(found.n_tokens), found.n_left) == (90, 90, 0)
        for vector in found.vectors:
            assert math.hypot(*vector) == pytest.approx(1)
        assert found.n_tokens[:3] == found.n_tokens[-3:]
        assert found.n_tokens[0] == len(await worker.tokenize(TEXTS[0], templated=False))
        (alone,) = (await worker.embed(TEXTS[1:2])).vectors
        assert max(abs(a - b) for a, b in zip(alone, found.vectors[-2], strict=True)) < 1e-4

    with_worker(planned(make(), tmp_path / "m.gguf"), test)


@pytest.mark.parametrize("make", [cross_encoder, qwen3_reranker])
def test_ranks_in_order(make: Callable[[], Tiny], tmp_path: Path) -> None:
    async def test(worker: Worker) -> None:
        found = await worker.rerank("what is a cat?", TEXTS * 10)
        assert (len(found.scores), len(found.n_tokens)) == (30, 30)
        assert found.scores[:3] == pytest.approx(found.scores[-3:], abs=1e-3)
        assert len({round(score, 3) for score in found.scores[:3]}) == 3

    with_worker(planned(make(), tmp_path / "m.gguf"), test)


def test_a_model_for_something_else(tmp_path: Path) -> None:
    async def run() -> None:
        async with Worker() as worker:
            await worker.load(planned(bert(), tmp_path / "e.gguf"))
            with pytest.raises(LoadError, match="only makes embeddings and cannot write: choose a chat model"):
                [event async for event in worker.generate(GenerateRequest("a", templated=False))]
            with pytest.raises(LoadError, match="choose a reranking model"):
                await worker.rerank("a", ["b"])
            # The same process holds any kind of model after another.
            await worker.load(planned(llama(), tmp_path / "c.gguf"))
            with pytest.raises(LoadError, match=r"writes text and makes no embeddings: choose an embedding model"):
                await worker.embed(["a"])
            request = GenerateRequest("a", templated=False, max_tokens=2)
            assert isinstance([event async for event in worker.generate(request)][-1], Finished)
            await worker.load(planned(cross_encoder(), tmp_path / "r.gguf"))
            with pytest.raises(LoadError, match="only ranks documents and makes no embeddings"):
                await worker.embed(["a"])
            assert len((await worker.rerank("a", ["b"])).scores) == 1

    asyncio.run(run())


def test_requests_that_make_no_sense(tmp_path: Path) -> None:
    async def test(worker: Worker) -> None:
        with pytest.raises(UsageError, match="There is no text"):
            await worker.embed([])
        with pytest.raises(PromptTooLongError, match=r"text number 2 is [\d,]+ tokens long"):
            await worker.embed(["a", "a " * 300])
        with pytest.raises(PromptTooLongError, match="send fewer at a time"):
            await worker.embed(["a" * (MAX_TEXT // 2), "b" * (MAX_TEXT // 2 + 1)])
        assert len((await worker.embed(["a"])).vectors) == 1

    with_worker(planned(bert(), tmp_path / "m.gguf"), test)


def test_nobody_waits_for_a_request_that_was_given_up(tmp_path: Path) -> None:
    async def test(worker: Worker) -> None:
        before = await worker.embed(TEXTS)
        given_up = asyncio.create_task(worker.embed(MANY))
        waiting = [asyncio.create_task(worker.embed(TEXTS)) for _ in range(3)]
        await asyncio.sleep(0.3)
        assert worker.seconds_idle is None
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        after: list[Embedded] = await asyncio.gather(*waiting)
        assert all(found == before for found in after)

    with_worker(planned(bert(), tmp_path / "m.gguf"), test)


def test_an_idle_model_gives_its_memory_back(tmp_path: Path) -> None:
    async def test(worker: Worker) -> None:
        before = await worker.embed(TEXTS)
        await worker.shed_context()
        assert worker.context_bytes == 0
        assert await worker.embed(TEXTS) == before
        assert worker.loaded is not None
        assert worker.context_bytes == worker.loaded.context_bytes
        await worker.shed_model()
        assert worker.pid is None
        assert await worker.embed(TEXTS) == before

    with_worker(planned(bert(), tmp_path / "m.gguf"), test)


def test_a_death_is_said_in_a_sentence(tmp_path: Path) -> None:
    async def test(worker: Worker) -> None:
        running = asyncio.create_task(worker.embed(MANY))
        await asyncio.sleep(0.1)
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        with pytest.raises(WorkerDiedError):
            await running
        worker.set_effort(1, 0)

    with_worker(planned(bert(), tmp_path / "m.gguf"), test)
