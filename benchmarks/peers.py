"""What the comparisons share: a llama-server to ask, our shared libraries for it, texts, and the table at the end."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from math import inf
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any

from autoglm_lite.bench.answer import Answer
from autoglm_lite.bench.prompts import words
from autoglm_lite.generation import LIVELY, Sampling
from autoglm_lite.gguf.facts import ModelFacts
from autoglm_lite.hardware.machine import read_machine
from autoglm_lite.planning.plan import Plan
from autoglm_lite.worker.client import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS_TO_START = 120

SEED = 7
DRAWN = {**{name: getattr(LIVELY, name) for name in ("temperature", "top_k", "top_p", "min_p")}, "seed": SEED}
"""What `endless` asks for, in llama-server's words."""


def processor() -> str:
    return read_machine().processor or "an unknown processor"


@contextmanager
def our_libraries() -> Iterator[dict[str, str]]:
    """An environment in which llama.cpp's programs load the worker's shared libraries, under the versioned names that
    they look for as well."""
    spec = find_spec("llama_cpp")
    assert spec is not None
    assert spec.origin is not None
    with TemporaryDirectory(prefix="autoglm-lite-") as folder:
        for library in (Path(spec.origin).parent / "lib").glob("lib*.so"):
            for name in (library.name, f"{library.name}.0"):
                (Path(folder) / name).symlink_to(library)
        yield {**os.environ, "LD_LIBRARY_PATH": folder}


async def endless(worker: Worker, facts: ModelFacts) -> Sampling:
    """The same each time, with the token that ends a text forbidden, and so lively that no text goes round in circles,
    where our guesses would pass for speed."""
    eos = await worker.tokenize(facts.eos_text, templated=True) if facts.eos_text else []
    return replace(LIVELY, seed=SEED, logit_bias=((eos[0], -inf),) if len(eos) == 1 else ())


async def texts(plan: Plan, lengths: dict[str, int]) -> dict[str, str]:
    """One of random words for each seed, with so many tokens of the plan's model."""
    async with Worker() as worker:
        await worker.load(plan)

        async def count(text: str) -> int:
            return len(await worker.tokenize(text, templated=True))

        return {seed: await words(seed, n_tokens, count) for seed, n_tokens in lengths.items()}


def check_length(answer: Answer, n_tokens: int, who: str) -> Answer:
    """Raises SystemExit for an answer that ended early: it cannot be compared."""
    written = sum(n for _, n in answer.gaps)
    if written < n_tokens - 8:
        raise SystemExit(f"{who} wrote {written} of {n_tokens} tokens: take a model that does not end its answers.")
    return answer


@dataclass(frozen=True, slots=True)
class LlamaServer:
    port: int
    pid: int

    async def ask(self, prompt: str, n_tokens: int) -> Answer:
        """A greedy answer of so many tokens, timed by its client."""
        began = perf_counter()
        first = last = 0.0
        gaps, timings = list[tuple[float, int]](), dict[str, Any]()
        async with aclosing(self.stream(prompt, n_tokens)) as events:
            async for event in events:
                now = perf_counter()
                if event["stop"]:
                    timings = event["timings"]
                elif first:
                    gaps.append((now - last, len(event["tokens"])))
                if not event["stop"]:
                    first, last = first or now, now
        return Answer(
            timings["prompt_n"] + timings.get("cache_n", 0),
            timings.get("cache_n", 0),
            timings["prompt_ms"] / 1000,
            first - began,
            tuple(gaps),
        )

    async def stream(self, prompt: str, n_tokens: int) -> AsyncGenerator[dict[str, Any], None]:
        """The events of POST /completion, the last of which has `stop`. Closed early, the request is cancelled."""
        asked = {"prompt": prompt, "n_predict": n_tokens, "ignore_eos": True, "stream": True, **DRAWN}
        body = json.dumps(asked).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 24)
        head = "POST /completion HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        try:
            # Each event is a line of its own; the lines between are the lengths of HTTP's chunks.
            async for line in reader:
                if line.startswith(b"data: "):
                    yield json.loads(line[6:])
                elif line.startswith(b"error: "):
                    raise SystemExit(f"llama-server says {line!r}")
        finally:
            writer.close()

    async def is_ready(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        status = await reader.readline()
        writer.close()
        return b" 200 " in status


@asynccontextmanager
async def llama_server(program: Path, model: Path, *options: str | int) -> AsyncIterator[LlamaServer]:
    """One that runs with our shared libraries, its defaults, and `options`; `program` is an absolute path."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with our_libraries() as environment:
        environment["LD_LIBRARY_PATH"] += f":{program.parent}"
        command = [program, "-m", model, "--port", port, *options]
        process = await asyncio.create_subprocess_exec(
            *map(str, command), env=environment, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            server, began = LlamaServer(port, process.pid), perf_counter()
            while not await server.is_ready():
                if process.returncode is not None or perf_counter() - began > SECONDS_TO_START:
                    raise SystemExit(f"{program} does not start: {' '.join(map(str, command))}")
                await asyncio.sleep(0.1)
            yield server
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of both, for each repeat in which it was measured."""

    what: str
    theirs: Sequence[float]
    ours: Sequence[float]
    promise: str = ""
    digits: int = 1


def table(peer: str, rows: Sequence[Row]) -> str:
    """Medians and their ratio, as Markdown."""
    lines = [f"| | {peer} | autoglm-lite | ratio | promise |", "|---|---|---|---|---|"]
    for row in rows:
        theirs, ours = (median(found) if found else None for found in (row.theirs, row.ours))
        ratio = f"{ours / theirs:.3f}" if ours is not None and theirs else ""
        cells = ("" if found is None else f"{found:,.{row.digits}f}" for found in (theirs, ours))
        lines.append(f"| {row.what} | {' | '.join(cells)} | {ratio} | {row.promise} |")
    return "\n".join(lines)
