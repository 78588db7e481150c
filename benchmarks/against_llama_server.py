"""Memory, speed, four clients at once and the time between tokens, against llama-server.

    python benchmarks/against_llama_server.py MODEL.gguf --llama-server PATH [--repeat N]

llama-server is built from the llama.cpp inside llama-cpp-python's source distribution (benchmarks/README.md) and runs
with the libraries that our worker uses, and with its defaults except model, context and threads; ours is the worker
through its client, as planned. The two take turns, each in fresh processes; both get the same texts. Figures are by the
client's clock.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from time import perf_counter

from autoglm_lite.bench.answer import Answer, between, decode_speed
from autoglm_lite.bench.asking import ask
from autoglm_lite.generation import GenerateRequest, Sampling, Text
from autoglm_lite.gguf.facts import ModelFacts, read_facts
from autoglm_lite.hardware.machine import read_machine
from autoglm_lite.hardware.process import process_memory
from autoglm_lite.planning.make import Wishes, decide
from autoglm_lite.planning.plan import Plan
from autoglm_lite.worker.client import Worker
from benchmarks.peers import LlamaServer, Row, check_length, endless, llama_server, processor, table, texts

N_CTX = 4096
PROMPT_TOKENS, ANSWER_TOKENS = 512, 128
CLIENTS, CLIENT_TOKENS = 4, 64
"""Each reads and writes so many."""
STREAM_TOKENS, OTHER_TOKENS = 1000, 2000
"""Of a running stream at most, and of the prompt that another client brings meanwhile."""
TOKENS_BEFORE = 8
"""That the stream has written by then."""

Ask = Callable[[str, int], Awaitable[Answer]]
Open = Callable[[str, int], AsyncGenerator[None, None]]
"""One item for each text of an answer."""


@dataclass(slots=True)
class Found:
    """Of one program, a figure for each repeat."""

    resident: list[float] = field(default_factory=list)
    resident_after: list[float] = field(default_factory=list)
    prefill: list[float] = field(default_factory=list)
    decode: list[float] = field(default_factory=list)
    together: list[float] = field(default_factory=list)
    stall: list[float] = field(default_factory=list)
    other: list[float] = field(default_factory=list)
    micro_batch: list[float] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Side:
    """A program that runs: how to ask it, and what memory it takes, in bytes."""

    ask: Ask
    open: Open
    resident: Callable[[], int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--llama-server", type=lambda path: Path(path).absolute(), required=True)
    parser.add_argument("--threads", type=int, default=read_machine().physical_cores)
    parser.add_argument("--repeat", type=int, default=3)
    args = parser.parse_args()
    theirs, ours = asyncio.run(alternate(args))
    print(f"{args.model.name}, context {N_CTX:,}, {args.threads} threads, {processor()}, medians of {args.repeat}\n")
    print(table("llama-server", list(rows(theirs, ours))))


def rows(theirs: Found, ours: Found) -> Iterator[Row]:
    yield Row("resident MB at work", theirs.resident, ours.resident, "≤ 0.70", 0)
    yield Row(f"after {OTHER_TOKENS:,} tokens more", theirs.resident_after, ours.resident_after, "", 0)
    yield Row(f"prefill tokens/s ({PROMPT_TOKENS})", theirs.prefill, ours.prefill, "≥ 0.97")
    yield Row(f"decode tokens/s ({ANSWER_TOKENS})", theirs.decode, ours.decode, "≥ 0.97", 2)
    yield Row(f"{CLIENTS} clients at once, tokens/s in all", theirs.together, ours.together, "≥ 0.97", 2)
    one, two = between(theirs.answers), between(ours.answers)
    yield Row("between tokens, median ms", [1000 * one.median], [1000 * two.median])
    yield Row("between tokens, P99 ms", [1000 * one.p99], [1000 * two.p99])
    yield Row("P99 over median", [one.p99 / one.median], [two.p99 / two.median], "ours ≤ 1.5", 2)
    yield Row(f"longest gap ms while {OTHER_TOKENS:,} tokens are read", theirs.stall, ours.stall, "", 0)
    yield Row("one micro-batch of 512, ms", theirs.micro_batch, ours.micro_batch, "", 0)
    yield Row("the gap over that micro-batch", _parts(theirs), _parts(ours), "ours ≤ 1", 2)
    yield Row(f"seconds to read those {OTHER_TOKENS:,} meanwhile", theirs.other, ours.other)


def _parts(found: Found) -> list[float]:
    return [stall / micro_batch for stall, micro_batch in zip(found.stall, found.micro_batch, strict=True)]


async def alternate(args: argparse.Namespace) -> tuple[Found, Found]:
    facts = read_facts(args.model.absolute())
    plan = decide(facts, read_machine(), Wishes(ctx=N_CTX, threads=args.threads)).plan
    found = Found(), Found()
    for i in range(args.repeat):
        prompts = await texts(plan, dict(_lengths(i)))
        # Whoever comes second finds the processor warm.
        for which in ((0, 1), (1, 0))[i % 2]:
            name = ("llama-server", "autoglm-lite")[which]
            print(f"{i + 1} of {args.repeat}: {name}", file=sys.stderr, flush=True)
            sides = (
                (theirs(args, ()), theirs(args, ("-np", CLIENTS)))
                if which == 0
                else (ours(plan, facts), ours(replace(plan, n_parallel=CLIENTS), facts))
            )
            await one_round(found[which], prompts, *sides, shared_first=which == 0)
    return found


def _lengths(i: int) -> Iterator[tuple[str, int]]:
    yield from ((f"warm {i}", 32), (f"read {i}", PROMPT_TOKENS), (f"write {i}", 16))
    yield from ((f"stream {i}", 16), (f"other {i}", OTHER_TOKENS))
    yield from ((f"client {i} {client}", CLIENT_TOKENS) for client in range(CLIENTS))


async def one_round(
    found: Found,
    prompts: dict[str, str],
    alone: AbstractAsyncContextManager[Side],
    together: AbstractAsyncContextManager[Side],
    *,
    shared_first: bool,
) -> None:
    """`shared_first`: the program takes several clients at once with its defaults, and its slots are too short for a
    long prompt otherwise."""
    named = {seed.partition(" ")[0]: text for seed, text in prompts.items()}
    async with alone as side:
        await side.ask(named["warm"], 2)
        prefill = (await side.ask(named["read"], 1)).prefill
        written = check_length(await side.ask(named["write"], ANSWER_TOKENS), ANSWER_TOKENS, "one of the two")
        found.prefill.append(prefill)
        found.decode.append(decode_speed([written]))
        found.answers.append(written)
        found.resident.append(side.resident() / 1e6)
        found.micro_batch.append(1000 * 512 / prefill)
        if shared_first:
            await _stalled(found, side, named)
    async with together as side:
        await side.ask(named["warm"], 2)
        clients = [text for seed, text in prompts.items() if seed.startswith("client")]
        began = perf_counter()
        answers = await asyncio.gather(*(side.ask(text, CLIENT_TOKENS) for text in clients))
        seconds = perf_counter() - began
        for answer in answers:
            check_length(answer, CLIENT_TOKENS, "one of the two")
        found.together.append(CLIENTS * CLIENT_TOKENS / seconds)
        if not shared_first:
            await _stalled(found, side, named)


async def _stalled(found: Found, side: Side, named: dict[str, str]) -> None:
    """The longest time in which a running stream has nothing to show while another client's long prompt is read."""
    times: list[float] = []
    under_way = asyncio.Event()

    async def stream() -> None:
        async with aclosing(side.open(named["stream"], STREAM_TOKENS)) as events:
            async for _ in events:
                times.append(perf_counter())
                if len(times) >= TOKENS_BEFORE:
                    under_way.set()

    streaming = asyncio.create_task(stream())
    await under_way.wait()
    began = perf_counter()
    await side.ask(named["other"], 1)
    ended, streaming_ended = perf_counter(), streaming.done()
    streaming.cancel()
    await asyncio.gather(streaming, return_exceptions=True)
    # A stream that has shown nothing until the end has stalled until then, unless it was over.
    seen = [time for time in times if time < ended] + ([] if streaming_ended else [ended])
    gaps = [after - before for before, after in pairwise(seen) if after > began]
    found.stall.append(1000 * max(gaps))
    found.other.append(ended - began)
    found.resident_after.append(side.resident() / 1e6)


@asynccontextmanager
async def theirs(args: argparse.Namespace, more: tuple[str | int, ...]) -> AsyncIterator[Side]:
    options = ("-c", N_CTX, "-t", args.threads, *more)
    async with llama_server(args.llama_server, args.model, *options) as server:
        yield Side(server.ask, _opened(server), lambda: process_memory(server.pid)[0])


def _opened(server: LlamaServer) -> Open:
    async def opened(prompt: str, n_tokens: int) -> AsyncGenerator[None, None]:
        async with aclosing(server.stream(prompt, n_tokens)) as events:
            async for _ in events:
                yield

    return opened


@asynccontextmanager
async def ours(plan: Plan, facts: ModelFacts) -> AsyncIterator[Side]:
    async with Worker() as worker:
        await worker.load(plan)
        sampling = await endless(worker, facts)

        def resident() -> int:
            assert worker.pid is not None
            return process_memory(worker.pid)[0] + process_memory(os.getpid())[0]

        async def asked(prompt: str, n_tokens: int) -> Answer:
            return await ask(worker, prompt, n_tokens, sampling=sampling)

        yield Side(asked, _written(worker, sampling), resident)


def _written(worker: Worker, sampling: Sampling) -> Open:
    async def written(prompt: str, n_tokens: int) -> AsyncGenerator[None, None]:
        request = GenerateRequest(prompt, False, sampling, n_tokens)
        async with aclosing(worker.generate(request)) as events:
            async for event in events:
                if isinstance(event, Text):
                    yield

    return written


if __name__ == "__main__":
    main()
