"""What a plan predicts of memory and speed against what a real worker then takes.

    python benchmarks/plan_against_measured.py MODEL.gguf... [--ctx 2048 4096 16384] [--kv-type f16 q8_0]
        [--repack on off] [--ubatch N] [--prompt-tokens N] [--threads N]

Each setting is a worker of its own that loads the model, reads a prompt and writes a few tokens; its memory is then
what the kernel says. One load at a time. Models are written by make_model.py, where a letter is a token.

A slow or busy machine reads the prompt in steps shorter than the micro-batch, whose buffers are then not touched in
full; the column `step` shows the longest one.
"""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from random import Random
from string import ascii_letters

from autoglm_lite.commands.bandwidth import BUFFER_BYTES, measure
from autoglm_lite.generation import Finished, GenerateRequest, Prefill, Sampling
from autoglm_lite.gguf import ModelFacts, read_facts
from autoglm_lite.hardware import process_memory, read_machine
from autoglm_lite.planning.make import Choice
from autoglm_lite.planning.memory import predict
from autoglm_lite.planning.plan import KV_TYPES, Plan
from autoglm_lite.planning.prefill import usual_ubatch
from autoglm_lite.planning.speed import expect
from autoglm_lite.worker.client import Worker
from autoglm_lite.worker.sizes import exact_sizes

HEADINGS = (
    *("model", "context", "KV", "repacked", "predicted MB", "measured MB", "error", "anonymous", "step"),
    *("prefill expected, measured", "decode expected, measured"),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """Bytes, tokens, and tokens per second."""

    resident: int
    anonymous: int
    step: int
    prefill: float
    decode: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL")
    parser.add_argument("--ctx", type=int, nargs="+", default=[2048, 4096, 16384])
    parser.add_argument("--kv-type", nargs="+", choices=KV_TYPES, default=["f16", "q8_0"])
    parser.add_argument("--repack", nargs="+", choices=("on", "off"), default=["on", "off"])
    parser.add_argument("--ubatch", type=int, help="default: what the plan takes")
    parser.add_argument("--prompt-tokens", type=int, default=544)
    parser.add_argument("--gen-tokens", type=int, default=16)
    parser.add_argument("--threads", type=int, default=read_machine().physical_cores)
    args = parser.parse_args()
    bandwidth = measure(args.threads, BUFFER_BYTES)
    print(f"Memory is read at {bandwidth / 1e9:.1f} GB/s by {args.threads} threads.\n")
    print(f"| {' | '.join(HEADINGS)} |\n|{'---|' * len(HEADINGS)}")
    errors = []
    for path in args.models:
        facts = read_facts(path)
        for n_ctx, kv_type, repack in product(args.ctx, args.kv_type, args.repack):
            plan = Plan(
                str(path),
                n_ctx,
                args.threads,
                args.threads,
                args.ubatch or usual_ubatch(facts, read_machine(), args.threads, kv_type),
                kv_type=kv_type,
                repack=repack == "on",
                cpus=read_machine().cpus,
            )
            measured = asyncio.run(run(plan, args.prompt_tokens, args.gen_tokens))
            errors.append(report(facts, plan, measured, bandwidth))
    print(f"\nLargest error of the resident memory: {max(map(abs, errors)):.1%}")


async def run(plan: Plan, prompt_tokens: int, gen_tokens: int) -> Measured:
    """Loads and answers once, in a worker of its own."""
    prompt = "".join(Random(1).choices(ascii_letters, k=min(prompt_tokens, plan.n_ctx - gen_tokens)))
    request = GenerateRequest(prompt, True, Sampling(), max_tokens=gen_tokens)
    step = done = 0
    finished: Finished | None = None
    async with Worker() as worker:
        await worker.load(plan)
        async for event in worker.generate(request):
            if isinstance(event, Prefill):
                step, done = max(step, event.done - done), event.done
            elif isinstance(event, Finished):
                finished = event
        assert worker.pid is not None
        resident, anonymous = process_memory(worker.pid)
    assert finished is not None
    return Measured(resident, anonymous, step, finished.prefill_tokens_per_second, finished.decode_tokens_per_second)


def report(facts: ModelFacts, plan: Plan, measured: Measured, bandwidth: float) -> float:
    """Prints one line of the table; returns the error of what was predicted, as a share of what was measured."""
    machine = read_machine()
    predicted = predict(facts, machine.features, plan, exact_sizes(plan))
    choice = Choice("fits", plan, predicted, machine.memory_available)
    expected = expect(facts, machine, choice, bandwidth)
    error = predicted.resident_total / measured.resident - 1
    cells = (
        *(Path(plan.model_path).stem, f"{plan.n_ctx:,}", plan.kv_type, "yes" if plan.repack else "no"),
        *(f"{predicted.resident_total / 1e6:,.0f}", f"{measured.resident / 1e6:,.0f}", f"{error:+.1%}"),
        *(f"{predicted.anonymous / 1e6:,.0f}, {measured.anonymous / 1e6:,.0f}", str(measured.step)),
        f"{_speed(expected.prefill)}, {_speed(measured.prefill)}",
        f"{_speed(expected.decode)}, {_speed(measured.decode)}",
    )
    print(f"| {' | '.join(cells)} |", flush=True)
    return error


def _speed(tokens_per_second: float | None) -> str:
    return "unknown" if tokens_per_second is None else f"{tokens_per_second:.1f}"


if __name__ == "__main__":
    main()
