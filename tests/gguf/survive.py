"""Feeds files to the real llama.cpp in a worker process and says what becomes of it."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from autoglm_lite.errors import AutoglmError, ModelFileError, WorkerDiedError
from autoglm_lite.generation import GenerateRequest, Sampling
from autoglm_lite.gguf import read_facts
from autoglm_lite.hardware import Machine
from autoglm_lite.planning.make import decide
from autoglm_lite.planning.plan import Plan
from autoglm_lite.worker.client import Worker

SECONDS = 30.0
PROMPTS = (("Once upon a time, 你好 \x00\x07 é🙂", False), ("<s>x</s><|im_end|> a", True))


async def _use(worker: Worker, plan: Plan) -> None:
    await worker.load(plan)
    texts = [prompt for prompt, _ in PROMPTS] + ["a " * 40]
    if plan.use == "embeddings":
        await worker.embed(texts)
        return
    if plan.use == "reranking":
        await worker.rerank("what is a dog?", texts)
        return
    for prompt, templated in PROMPTS:
        for sampling in (Sampling(temperature=0), Sampling(seed=1)):
            request = GenerateRequest(prompt, templated=templated, sampling=sampling, max_tokens=3)
            async for _ in worker.generate(request):
                pass


async def outcome(worker: Worker, path: Path, machine: Machine) -> str:
    """`refused` by our checks, `declined` by llama.cpp or the plan with an error, `ran`, or `died`."""
    try:
        facts = read_facts(path)
    except ModelFileError:
        return "refused"
    try:
        plan = decide(facts, machine).plan
    except AutoglmError as error:
        return f"declined: {error}"
    using = asyncio.create_task(_use(worker, plan))
    _, hanging = await asyncio.wait({using}, timeout=SECONDS)
    if hanging and worker.pid is not None:
        os.kill(worker.pid, signal.SIGKILL)
    try:
        await using
    except WorkerDiedError as error:
        return "died: it never ends" if hanging else f"died: {error}"
    except AutoglmError as error:
        return f"declined: {error}"
    return "ran"
