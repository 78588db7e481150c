"""The same plan keeps the loaded weights, unless the file is another one by now."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from autoglm_lite.generation import GenerateRequest, Sampling, Text
from autoglm_lite.planning.plan import Plan
from autoglm_lite.worker.client import Worker

STARTER = Path(__file__).parents[2] / "autoglm_lite/data/starter.gguf"


async def answer(worker: Worker) -> str:
    request = GenerateRequest("Once upon a time", False, Sampling(temperature=0), max_tokens=8)
    return "".join([event.text async for event in worker.generate(request) if isinstance(event, Text)])


def test_a_file_that_was_replaced_is_loaded(stories_gguf: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(stories_gguf.read_bytes())
    plan = Plan(str(path), 256, 1, 1)

    async def run() -> None:
        async with Worker() as worker:
            first = await worker.load(plan)
            story = await answer(worker)
            assert (await worker.load(replace(plan, n_ctx=512))).n_params == first.n_params
            assert await answer(worker) == story
            other = tmp_path / "other.gguf"
            other.write_bytes(STARTER.read_bytes())
            other.replace(path)
            assert (await worker.load(plan)).n_params != first.n_params
            assert await answer(worker) != story

    asyncio.run(run())
