"""What the plan predicts of memory and speed against what a real worker then takes.

    python benchmarks/plan_against_measured.py MODEL.gguf... [--ctx 2048 4096 16384] [--kv-type f16 q8_0]
        [--repack on off] [--prompt-tokens N] [--threads N]

Each setting is a worker of its own that loads the model, reads a prompt and writes a few tokens; its memory is then
what the kernel says. One load at a time. Models are written by make_model.py, where a letter is a token.
"""

from __future__ import annotations

import argparse
import asyncio
from itertools import product
from pathlib import Path
from random import Random
from string import ascii_letters

from autoglm_lite.generation import Finished, GenerateRequest, Sampling
from autoglm_lite.gguf import ModelFacts, read_facts
from autoglm_lite.hardware import process_memory, read_machine
from autoglm_lite.planning.memory import predict
from autoglm_lite.planning.plan import KV_TYPES, Plan
from autoglm_lite.worker.client import Worker


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL")
    parser.add_argument("--ctx", type=int, nargs="+", default=[2048, 4096, 16384])
    parser.add_argument("--kv-type", nargs="+", choices=KV_TYPES, default=["f16", "q8_0"])
    parser.add_argument("--repack", nargs="+", choices=("on", "off"), default=["on", "off"])
    parser.add_argument("--prompt-tokens", type=int, default=600)
    parser.add_argument("--gen-tokens", type=int, default=16)
    parser.add_argument("--threads", type=int, default=read_machine().physical_cores)
    args = parser.parse_args()
    print("| model | context | KV | repacked | predicted MB | measured MB | error | anonymous | error | tokens/s |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    errors = []
    for path in args.models:
        facts = read_facts(path)
        for n_ctx, kv_type, repack in product(args.ctx, args.kv_type, args.repack):
            plan = Plan(str(path), n_ctx, args.threads, args.threads, kv_type=kv_type, repack=repack == "on")
            errors.append(asyncio.run(compare(facts, plan, args.prompt_tokens, args.gen_tokens)))
    print(f"\nLargest error of the resident memory: {max(map(abs, errors)):.1%}")


async def compare(facts: ModelFacts, plan: Plan, prompt_tokens: int, gen_tokens: int) -> float:
    """Prints one line of the table; returns the error of what was predicted, as a share of what was measured."""
    prompt = "".join(Random(1).choices(ascii_letters, k=min(prompt_tokens, plan.n_ctx - gen_tokens)))
    request = GenerateRequest(prompt, True, Sampling(temperature=0), max_tokens=gen_tokens)
    speed = "-"
    async with Worker() as worker:
        await worker.load(plan)
        async for event in worker.generate(request):
            if isinstance(event, Finished):
                speed = f"{event.prefill_tokens_per_second:.0f}, {event.decode_tokens_per_second:.1f}"
        assert worker.pid is not None
        resident, anonymous = process_memory(worker.pid)
    predicted = predict(facts, read_machine().features, plan)
    error = predicted.resident_total / resident - 1
    cells = [
        Path(plan.model_path).stem,
        f"{plan.n_ctx:,}",
        plan.kv_type,
        "yes" if plan.repack else "no",
        f"{predicted.resident_total / 1e6:,.0f}",
        f"{resident / 1e6:,.0f}",
        f"{error:+.1%}",
        f"{predicted.anonymous / 1e6:,.0f} / {anonymous / 1e6:,.0f}",
        f"{predicted.anonymous / anonymous - 1:+.1%}",
        speed,
    ]
    print(f"| {' | '.join(cells)} |", flush=True)
    return error


if __name__ == "__main__":
    main()
