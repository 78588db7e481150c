"""How soon a long conversation goes on after the process was killed, against reading it all again.

    python benchmarks/reopened_conversation.py MODEL.gguf [--tokens 4000] [--repeat 3]

Each round: a worker with an empty folder reads the conversation (cold), rests until what it read is kept, and is killed
with SIGKILL. A new worker is asked the same (reopened), and then with another last message (changed). Loading the model
is not counted, in all three alike. The words may differ where two tokens are nearly as likely (docs/engine.md). Models
are written by make_model.py, where a letter is a token.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import tempfile
from contextlib import suppress
from pathlib import Path
from random import Random
from statistics import median
from string import ascii_letters
from time import perf_counter

from autoglm_lite.errors import WorkerDiedError
from autoglm_lite.generation import Finished, GenerateRequest, Sampling, Text
from autoglm_lite.hardware import read_machine
from autoglm_lite.planning.plan import Plan
from autoglm_lite.states.folder import kept_states
from autoglm_lite.worker.client import Worker

GEN_TOKENS = 4
MESSAGE_TOKENS = 40
SECONDS_TO_KEEP = 120


async def ask(worker: Worker, prompt: str) -> tuple[float, int, str]:
    """Seconds to the first token, tokens that needed no work, and the text."""
    started, first, cached, text = perf_counter(), 0.0, 0, ""
    async for event in worker.generate(GenerateRequest(prompt, True, Sampling(temperature=0), GEN_TOKENS)):
        if isinstance(event, Text):
            first = first or perf_counter() - started
            text += event.text
        elif isinstance(event, Finished):
            cached = event.cached_tokens
    return first, cached, text


async def one_round(
    plan: Plan, prompt: str, changed: str, folder: Path
) -> tuple[float, float, float, float, int, bool]:
    """Seconds cold, reopened, changed and of reading its end alone, bytes kept, and whether the words were the same."""
    async with Worker(states=folder) as worker:
        await worker.load(plan)
        cold, _, text = await ask(worker, prompt)
        for _ in range(SECONDS_TO_KEEP):
            if kept_states(folder):
                break
            await asyncio.sleep(1)
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        with suppress(WorkerDiedError):
            await ask(worker, prompt)
    n_bytes = sum(size for _, size in kept_states(folder))
    async with Worker(states=folder) as worker:
        await worker.load(plan)
        reopened, cached, again = await ask(worker, prompt)
        assert cached == len(prompt) - 1, f"{cached} of {len(prompt)} tokens were kept"
        other, cached, _ = await ask(worker, changed)
        assert cached >= len(prompt) - MESSAGE_TOKENS - 1
    async with Worker() as worker:
        await worker.load(plan)
        await ask(worker, "x")
        end, _, _ = await ask(worker, changed[-MESSAGE_TOKENS:])
    return cold, reopened, other, end, n_bytes, again == text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--tokens", type=int, default=4000)
    parser.add_argument("--repeat", type=int, default=3)
    args = parser.parse_args()
    machine = read_machine()
    threads = machine.physical_cores
    plan = Plan(args.model, args.tokens + 128, threads, threads, cpus=machine.cpus)
    rounds = []
    print("Seconds to the first token; the last but one column reads the other message alone.\n")
    print("| cold | reopened | share | other last message | that alone | kept MB | same words |")
    print("|---|---|---|---|---|---|---|")
    for number in range(args.repeat):
        random = Random(number)
        prompt = "".join(random.choices(ascii_letters, k=args.tokens))
        changed = prompt[:-MESSAGE_TOKENS] + "".join(random.choices(ascii_letters, k=MESSAGE_TOKENS))
        with tempfile.TemporaryDirectory(prefix="autoglm-lite-") as folder:
            found = asyncio.run(one_round(plan, prompt, changed, Path(folder)))
        rounds.append(found)
        cold, reopened, other, end, n_bytes, same = found
        share = f"{reopened / cold:.2%}"
        print(
            f"| {cold:.2f} | {reopened:.2f} | {share} | {other:.2f} | {end:.2f} | {n_bytes / 1e6:.0f} | {same} |",
            flush=True,
        )
    cold, reopened = (median(found[i] for found in rounds) for i in range(2))
    print(f"\nMedians: {reopened:.2f} of {cold:.2f} seconds, {reopened / cold:.2%}.")


if __name__ == "__main__":
    main()
