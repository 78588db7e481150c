"""Decode and prefill speed through our worker against llama-bench, on the same file, threads and shared libraries.

    python benchmarks/against_llama_bench.py MODEL.gguf --llama-bench PATH [--repeat N]

The two take turns; the table shows medians and their ratio. llama-bench is built from the llama.cpp inside
llama-cpp-python's source distribution (benchmarks/README.md) and runs with the libraries that our worker uses.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from string import ascii_letters
from time import perf_counter

from autoglm_lite.generation import LIVELY, GenerateRequest, Sampling, Text
from autoglm_lite.planning.plan import Plan
from autoglm_lite.worker.client import Worker
from benchmarks.peers import our_libraries, processor


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens per second."""

    prefill: float
    decode: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--llama-bench", type=Path, required=True)
    parser.add_argument("--prompt-tokens", type=int, default=512)
    parser.add_argument("--gen-tokens", type=int, default=64)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--repeat", type=int, default=5)
    args = parser.parse_args()
    ours, theirs = asyncio.run(alternate(args))
    print(f"{args.model.name}, {args.threads} threads, {processor()}, {args.repeat} alternating repeats, medians")
    print(f"{'tokens/s':<24}{'llama-bench':>12}{'our worker':>12}{'ratio':>8}")
    for what in ("prefill", "decode"):
        a = median(getattr(s, what) for s in theirs)
        b = median(getattr(s, what) for s in ours)
        n = args.prompt_tokens if what == "prefill" else args.gen_tokens
        print(f"{what + f' ({n} tokens)':<24}{a:>12.2f}{b:>12.2f}{b / a:>8.3f}")


async def alternate(args: argparse.Namespace) -> tuple[list[Speed], list[Speed]]:
    ours, theirs = [], []
    for i in range(args.repeat):
        theirs.append(llama_bench(args))
        # A fresh process for each of ours too, as for theirs, and as there a run of the same kind to warm up.
        async with Worker() as worker:
            await worker.load(Plan(str(args.model), args.prompt_tokens + 256, args.threads, args.threads))
            rng = Random(i)
            await prefill(worker, args, rng)
            ours.append(Speed(await prefill(worker, args, rng), await decode(worker, args, rng)))
        print(f"{i + 1}: llama-bench {theirs[-1]}, ours {ours[-1]}", file=sys.stderr)
    return ours, theirs


async def prefill(worker: Worker, args: argparse.Namespace, rng: Random) -> float:
    """Tokens per second by the client's clock, on random tokens as llama-bench; a letter is a token of the model."""
    prompt = "".join(rng.choices(ascii_letters, k=args.prompt_tokens))
    started = perf_counter()
    async for _ in worker.generate(GenerateRequest(prompt, True, Sampling(temperature=0), max_tokens=1)):
        pass
    return float(args.prompt_tokens / (perf_counter() - started))


async def decode(worker: Worker, args: argparse.Namespace, rng: Random) -> float:
    """The same for the tokens after the first, which come one by one."""
    first = last = 0.0
    n = 0
    request = GenerateRequest(rng.choice(ascii_letters), True, LIVELY, max_tokens=args.gen_tokens + 1)
    async for event in worker.generate(request):
        if isinstance(event, Text):
            last = perf_counter()
            first = first or last
            n += event.n_tokens
    return (n - 1) / (last - first)


def llama_bench(args: argparse.Namespace) -> Speed:
    command = [args.llama_bench, "-m", args.model, "-p", args.prompt_tokens, "-n", args.gen_tokens]
    command += ["-t", args.threads, "-r", 1, "-fa", "auto", "-o", "json"]
    with our_libraries() as env:
        env["LD_LIBRARY_PATH"] += f":{args.llama_bench.parent}"
        done = subprocess.run([str(c) for c in command], env=env, capture_output=True, text=True, check=True)
    rows = json.loads(done.stdout)
    return Speed(next(r["avg_ts"] for r in rows if r["n_prompt"]), next(r["avg_ts"] for r in rows if r["n_gen"]))


if __name__ == "__main__":
    main()
