"""Comparisons with a library that runs the model inside of a Python program, in a process of its own for each round."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from autoglm_lite.bench.answer import decode_speed
from autoglm_lite.bench.asking import ask
from autoglm_lite.gguf.facts import ModelFacts, read_facts
from autoglm_lite.hardware.machine import read_machine
from autoglm_lite.hardware.process import process_memory
from autoglm_lite.planning.make import Wishes, decide
from autoglm_lite.planning.plan import Plan
from autoglm_lite.worker.client import Worker
from benchmarks.peers import Row, check_length, endless, processor, table, texts

N_CTX = 4096
PROMPT_TOKENS, ANSWER_TOKENS, REOPENED_TOKENS = 512, 64, 1000


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one round. Seconds, tokens per second, bytes."""

    load: float
    reopened: float
    """To the first token of a prompt that an earlier process has read; loading is not counted."""
    prefill: float
    decode: float
    resident: int


def compare(peer: str, code: str, python: Path, model: Path, threads: int, repeat: int) -> None:
    """Prints the table; paths are absolute.

    `code` is run by `python` with the path of a JSON file as its argument, which has `model`, `n_ctx`, `threads`,
    `answer` (how many tokens to write), `eos` and the token ids of the prompts `warm`, `reopened`, `read` and `write`.
    It prints the fields of Figures as JSON.
    """
    theirs, ours = asyncio.run(_alternate(peer, code, python, model, threads, repeat))
    after = f"first token after a restart, s ({REOPENED_TOKENS:,})"
    rows = [
        _row("resident MB at work", theirs, ours, "resident", 0),
        _row(f"prefill tokens/s ({PROMPT_TOKENS})", theirs, ours, "prefill", 1),
        _row(f"decode tokens/s ({ANSWER_TOKENS})", theirs, ours, "decode"),
        _row(after, theirs, ours, "reopened"),
        _row("loading, s", theirs, ours, "load"),
    ]
    print(f"{model.name}, context {N_CTX:,}, {threads} threads, {processor()}, medians of {repeat}\n")
    print(table(peer, rows))


def _row(words: str, theirs: Sequence[Figures], ours: Sequence[Figures], field: str, digits: int = 2) -> Row:
    scale = 1e-6 if field == "resident" else 1.0
    one, two = ([scale * getattr(figures, field) for figures in side] for side in (theirs, ours))
    return Row(words, one, two, digits=digits)


async def _alternate(
    peer: str, code: str, python: Path, model: Path, threads: int, repeat: int
) -> tuple[list[Figures], list[Figures]]:
    facts = read_facts(model)
    plan = decide(facts, read_machine(), Wishes(ctx=N_CTX, threads=threads)).plan
    theirs, ours = list[Figures](), list[Figures]()
    lengths = {"warm": 32, "reopened": REOPENED_TOKENS, "read": PROMPT_TOKENS, "write": 16}
    for i in range(repeat):
        prompts = await texts(plan, {f"{name} {i}": n for name, n in lengths.items()})
        prompts = {seed.partition(" ")[0]: text for seed, text in prompts.items()}
        job = {"model": str(model), "n_ctx": N_CTX, "threads": threads, "answer": ANSWER_TOKENS}
        job.update(await _ids(plan, facts, prompts))
        # Whoever comes second finds the processor warm.
        for side in ((0, 1), (1, 0))[i % 2]:
            print(f"{i + 1} of {repeat}: {(peer, 'autoglm-lite')[side]}", file=sys.stderr, flush=True)
            if side:
                ours.append(await _ours(plan, facts, prompts))
            else:
                theirs.append(await asyncio.to_thread(_theirs, python, code, job))
    return theirs, ours


async def _ids(plan: Plan, facts: ModelFacts, prompts: dict[str, str]) -> dict[str, list[int]]:
    """As the worker would have them."""
    async with Worker() as worker:
        await worker.load(plan)
        found = {name: await worker.tokenize(text, templated=False) for name, text in prompts.items()}
        found["eos"] = [token for token, _ in (await endless(worker, facts)).logit_bias]
    return found


def _theirs(python: Path, code: str, job: dict[str, object]) -> Figures:
    with TemporaryDirectory(prefix="autoglm-lite-") as folder:
        path = Path(folder) / "job.json"
        path.write_text(json.dumps(job))
        done = subprocess.run([str(python), "-c", code, str(path)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"The peer fails:\n{done.stderr[-2000:]}")
    return Figures(**json.loads(done.stdout.splitlines()[-1]))


async def _ours(plan: Plan, facts: ModelFacts, prompts: dict[str, str]) -> Figures:
    with TemporaryDirectory(prefix="autoglm-lite-") as folder:
        async with Worker(states=Path(folder)) as worker:
            await worker.load(plan)
            sampling = await endless(worker, facts)
            await ask(worker, prompts["reopened"], 1, sampling)
            await worker.shed_context()
        async with Worker(states=Path(folder)) as worker:
            began = perf_counter()
            await worker.load(plan)
            load = perf_counter() - began
            reopened = await ask(worker, prompts["reopened"], 1, sampling)
            prefill = (await ask(worker, prompts["read"], 1, sampling)).prefill
            written = check_length(await ask(worker, prompts["write"], ANSWER_TOKENS, sampling), ANSWER_TOKENS, "ours")
            assert worker.pid is not None
            resident = process_memory(worker.pid)[0] + process_memory(os.getpid())[0]
    return Figures(load, reopened.first_token, prefill, decode_speed([written]), resident)
