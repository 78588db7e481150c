"""Layers planned for a device of little memory against the most that it really takes.

    python benchmarks/offload_against_limits.py MODEL [--limits 300 600 1000] [--ctx 4096] [--tokens 24]

The device is llama.cpp's RPC server on loopback, in a process whose address space is limited (as `prlimit --as` does)
to what it has when idle and N million bytes more: N is what it can give, for weights, keys and values, and computing
alike, and allocation really fails past it. The plan is told the same by `--vram N`. The planned layers are loaded, a
prompt longer than a micro-batch is read and a greedy answer to a short one written; then one layer more is tried, and
so on, until that fails. The server has one thread: each further one would take ten megabytes or more of address space
for its stack and none of memory.

The answer is compared with the one that this computer writes alone. Weights are repacked here and not on the device,
and repacking changes how sums are rounded: where all weights are random, the likeliest two tokens are so close that
this alone makes this computer's own answer another one. So both are also compared with nothing repacked, where they
must be the same.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from string import ascii_letters

from autoglm_lite.errors import AutoglmError
from autoglm_lite.generation import GenerateRequest, Sampling, Text
from autoglm_lite.gguf.facts import ModelFacts, read_facts
from autoglm_lite.hardware.devices import Device
from autoglm_lite.hardware.machine import read_machine
from autoglm_lite.planning.make import Wishes, choose
from autoglm_lite.planning.placement import KEEP_OUTPUT
from autoglm_lite.planning.plan import Plan
from autoglm_lite.worker.client import Worker

MB = 10**6
PORT = 50152
SHORT = "".join(Random(0).choices(ascii_letters, k=24))
LONG = "".join(Random(1).choices(ascii_letters, k=544))
"""Longer than a micro-batch, also where a letter is a token, as in the models of make_model.py."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--limits", type=int, nargs="+", default=[300, 600, 1000], metavar="MB")
    parser.add_argument("--ctx", type=int, default=4096)
    parser.add_argument("--tokens", type=int, default=24, help="of each answer")
    args = parser.parse_args()
    asyncio.run(compare(read_facts(args.model), args.limits, args.ctx, args.tokens))


async def compare(facts: ModelFacts, limits: list[int], n_ctx: int, n_tokens: int) -> None:
    machine, wishes = read_machine(), Wishes(ctx=n_ctx)
    here = choose(facts, machine, wishes).plan
    alone = {repack: await answer(replace(here, repack=repack), n_tokens) for repack in (True, False)}
    if alone[True] != alone[False]:
        print("Repacking changes what this computer answers alone, from", difference(alone[True], alone[False]))
    print("| limit MB | layers planned | MB predicted | they load and answer | the most that do |", end="")
    print(" answer against this computer's, without repacking | with it |")
    print("|---|---|---|---|---|---|---|")
    for limit in limits:
        async with server(limit) as device:
            choice = choose(facts, replace(machine, devices=(device,)), replace(wishes, vram=limit * MB))
            plan = choice.plan
            told = await attempt(plan, n_tokens)
        most = plan.gpu_layers if told is not None else None
        while plan.devices and most is not None and most <= facts.n_layer:
            async with server(limit):
                if await attempt(with_layers(plan, facts.n_layer, most + 1), 1) is None:
                    break
            most += 1
        async with server(limit):
            plain = await attempt(replace(plan, repack=False), n_tokens)
        cells = (
            limit,
            plan.gpu_layers,
            round(sum(choice.predicted.devices.values()) / MB),
            "no" if told is None else "yes",
            most,
            difference(plain, alone[False]),
            difference(told, alone[True]),
        )
        print("|", " | ".join(map(str, cells)), "|", flush=True)


@asynccontextmanager
async def server(limit: int) -> AsyncIterator[Device]:
    """An RPC server that can give `limit` million bytes."""
    async with Worker() as worker, Worker() as client:
        serving = asyncio.Event()
        task = asyncio.create_task(worker.serve_devices("127.0.0.1", PORT, 1, lambda _: serving.set()))
        await serving.wait()
        for _ in range(50):
            try:
                (device,) = await client.devices([f"127.0.0.1:{PORT}"])
                break
            except AutoglmError:
                await asyncio.sleep(0.1)
        pid = worker.pid
        assert pid is not None
        most = address_space(pid) + limit * MB
        resource.prlimit(pid, resource.RLIMIT_AS, (most, most))
        try:
            yield device
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def address_space(pid: int) -> int:
    size = re.search(r"VmSize:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert size is not None
    return int(size[1]) * 1024


async def attempt(plan: Plan, n_tokens: int) -> str | None:
    """The answer, or None where the device refuses the plan or dies of it."""
    try:
        return await answer(plan, n_tokens)
    except AutoglmError:
        return None


async def answer(plan: Plan, n_tokens: int) -> str:
    """Greedy, to a prompt that is read in one step; after a first one that fills a micro-batch."""
    text = ""
    async with Worker() as worker:
        await worker.load(plan)
        for prompt, most in ((LONG, 1), (SHORT, n_tokens)):
            request = GenerateRequest(prompt, templated=False, sampling=Sampling(temperature=0), max_tokens=most)
            text = "".join([event.text async for event in worker.generate(request) if isinstance(event, Text)])
    return text


def with_layers(plan: Plan, n_layer: int, n: int) -> Plan:
    """`plan` with `n` layers on its only device, the output layer being the last of them."""
    (part,) = plan.devices
    on_cpu = () if n > n_layer else (KEEP_OUTPUT,)
    return replace(plan, gpu_layers=n, devices=(replace(part, layers=min(n, n_layer)),), on_cpu=on_cpu)


def difference(one: str | None, other: str) -> str:
    if one is None:
        return "none"
    if one == other:
        return "the same"
    return f"character {next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0) + 1} on"


if __name__ == "__main__":
    main()
