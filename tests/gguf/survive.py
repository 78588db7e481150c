"""Feeds files to the real llama.cpp in a worker process and says what becomes of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from autoglm_lite.errors import AutoglmError, ModelFileError, WorkerDiedError
from autoglm_lite.generation import GenerateRequest, Sampling
from autoglm_lite.gguf import read_facts
from autoglm_lite.hardware import Machine
from autoglm_lite.planning.make import make_plan
from autoglm_lite.planning.plan import Plan
from autoglm_lite.worker.client import Worker

SECONDS = 60.0
PROMPTS = (("Once upon a time, 你好 \x00\x07 é🙂", False), ("<s>x</s><|im_end|> a", True))


async def _use(worker: Worker, plan: Plan) -> None:
    await worker.load(plan)
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
        await asyncio.wait_for(_use(worker, make_plan(facts, machine)), SECONDS)
    except WorkerDiedError as error:
        return f"died: {error}"
    except asyncio.TimeoutError:
        await worker.close()
        return "died: hangs"
    except AutoglmError as error:
        return f"declined: {error}"
    return "ran"
