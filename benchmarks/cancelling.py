"""How soon a cancelled answer has ended and its worker is at rest.

    python benchmarks/cancelling.py MODEL.gguf [--trials 100]

Half of the answers are cancelled while their prompt is read, half while they are written, each at a random moment;
every second one has another answer beside it, which must come to its end. Seconds are the client's, from its call to
the last event.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from random import Random
from statistics import median
from string import ascii_letters
from time import perf_counter

from autoglm_lite.generation import Finished, GenerateRequest, Sampling, Text
from autoglm_lite.hardware import read_machine
from autoglm_lite.planning.plan import Plan
from autoglm_lite.worker.client import Worker

GREEDY = Sampling(temperature=0)
OTHER_TOKENS = 6


def prompt_of(random: Random, n_tokens: int) -> str:
    """A letter is a token of the models that make_model.py writes."""
    return "".join(random.choice(ascii_letters) for _ in range(n_tokens))


async def text_of(worker: Worker, request: GenerateRequest) -> str:
    return "".join([event.text async for event in worker.generate(request) if isinstance(event, Text)])


async def cancelled(worker: Worker, request: GenerateRequest, after_text: bool, delay: float) -> float:
    """Seconds from the cancel to the end."""
    asked = 0.0

    async def cancel() -> None:
        nonlocal asked
        await asyncio.sleep(delay)
        asked = perf_counter()
        await worker.cancel(request)

    cancelling = None if after_text else asyncio.create_task(cancel())
    async for event in worker.generate(request):
        if isinstance(event, Text) and cancelling is None:
            cancelling = asyncio.create_task(cancel())
        if isinstance(event, Finished):
            assert event.reason == "cancelled", event
    return perf_counter() - asked


async def measure(plan: Plan, trials: int) -> list[tuple[bool, bool, float]]:
    random, found = Random(5), []
    async with Worker() as worker:
        await worker.load(plan)
        other = GenerateRequest(prompt_of(random, 16), True, GREEDY, OTHER_TOKENS)
        await text_of(worker, other)
        for trial in range(trials):
            writing, beside = trial % 2 == 1, trial % 4 >= 2
            request = GenerateRequest(prompt_of(random, 24 if writing else 1500), True, GREEDY, None)
            delay = random.uniform(0.05, 1.0 if writing else 4.0)
            at_once = cancelled(worker, request, writing, delay)
            if beside:
                seconds, text = await asyncio.gather(at_once, text_of(worker, other))
                assert text
            else:
                seconds = await at_once
            found.append((writing, beside, seconds))
            print(f"{trial + 1}/{trials}: {1000 * seconds:.0f} ms", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--trials", type=int, default=100)
    args = parser.parse_args()
    machine = read_machine()
    plan = Plan(str(args.model), 4096, machine.physical_cores, machine.physical_cores, n_ubatch=256, n_parallel=2)
    found = asyncio.run(measure(plan, args.trials))
    print(f"\n{machine.processor}, {args.model.name}\n")
    print("| cancelled | beside another | median | longest |\n|---|---|---|---|")
    for writing in (False, True):
        for beside in (False, True):
            ms = [1000 * seconds for w, b, seconds in found if (w, b) == (writing, beside)]
            print(f"| {'writing' if writing else 'reading'} | {beside} | {median(ms):.0f} ms | {max(ms):.0f} ms |")


if __name__ == "__main__":
    main()
