"""Our service against llama-server, both asked by one HTTP client through OpenAI's protocol; and our service at rest.

    python benchmarks/over_http.py MODEL.gguf --llama-server PATH [--repeat N] [--idle-seconds S]

Both stream POST /v1/completions with their defaults except context, threads and llama-server's `-np 4`; ours is
`autoglm-lite serve` in a process of its own. The two take turns, each in fresh processes, with the same texts, drawn so
that there is nothing to guess (benchmarks/README.md). Tokens are those that the server counts, times the client's. At
rest no model is loaded.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import psutil

from autoglm_lite.gguf.facts import read_facts
from autoglm_lite.hardware.machine import read_machine
from autoglm_lite.planning.make import Wishes, decide
from benchmarks.peers import DRAWN, Row, llama_server, processor, table, texts

N_CTX = 4096
PROMPT_TOKENS, ANSWER_TOKENS = 512, 128
SHORT_TOKENS, SHORT_ASKS = 24, 3
CLIENTS, CLIENT_TOKENS = 8, 48
SECONDS_TO_START = 60


@dataclass(frozen=True, slots=True)
class Timed:
    """One streamed answer, in seconds and tokens."""

    first: float
    whole: float
    n_tokens: int

    @property
    def speed(self) -> float:
        """Of the tokens after the first, a second."""
        return (self.n_tokens - 1) / (self.whole - self.first)


@dataclass(slots=True)
class Found:
    """Of one program, a figure for each repeat."""

    first: list[float] = field(default_factory=list)
    soon: list[float] = field(default_factory=list)
    decode: list[float] = field(default_factory=list)
    later: list[float] = field(default_factory=list)
    together: list[float] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    resident: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Server:
    port: int
    pid: int

    async def ask(self, prompt: str, n_tokens: int, *, greedy: bool = False) -> Timed:
        """`greedy`: both write the same first token, which may be a piece of a character, to be shown with the next."""
        asked = {
            "prompt": prompt,
            "max_tokens": n_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
            **DRAWN,
            **({"temperature": 0} if greedy else {}),
        }
        body = json.dumps(asked).encode()
        began = perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 24)
        head = f"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        first = last = 0.0
        n_written = 0
        async for line in reader:
            if not line.startswith(b"data: {"):
                continue
            event = json.loads(line[6:])
            if "error" in event:
                raise SystemExit(f"the server says {event['error']}")
            if event.get("usage"):
                n_written = event["usage"]["completion_tokens"]
            if any(choice["text"] for choice in event["choices"]):
                last = perf_counter() - began
                first = first or last
        writer.close()
        if n_written < n_tokens - 8:
            raise SystemExit(f"a server wrote {n_written} of {n_tokens} tokens: take another model.")
        return Timed(first, last, n_written)

    def resident(self) -> int:
        """Bytes of its process and all that it has started."""
        process = psutil.Process(self.pid)
        return sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--llama-server", type=lambda path: Path(path).absolute(), required=True)
    parser.add_argument("--threads", type=int, default=read_machine().physical_cores)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--idle-seconds", type=float, default=60)
    args = parser.parse_args()
    asyncio.run(compare(args))


async def compare(args: argparse.Namespace) -> None:
    found = Found(), Found()
    plan = decide(read_facts(args.model.absolute()), read_machine(), Wishes(ctx=N_CTX, threads=args.threads)).plan
    for i in range(args.repeat):
        prompts = await texts(plan, dict(_lengths(i)))
        # Whoever comes second finds the processor warm.
        for which in ((0, 1), (1, 0))[i % 2]:
            print(f"{i + 1} of {args.repeat}: {('llama-server', 'autoglm-lite')[which]}", file=sys.stderr, flush=True)
            async with theirs(args) if which == 0 else ours(args) as server:
                await one_round(found[which], server, prompts)
    print(f"{args.model.name}, context {N_CTX:,}, {args.threads} threads, {processor()}, medians of {args.repeat}\n")
    print(table("llama-server", list(rows(*found))))
    async with ours(args) as server:
        process = psutil.Process(server.pid)
        await asyncio.sleep(5)
        before, began = sum(process.cpu_times()[:2]), perf_counter()
        switched = process.num_ctx_switches().voluntary
        await asyncio.sleep(args.idle_seconds)
        seconds = perf_counter() - began
        share = (sum(process.cpu_times()[:2]) - before) / seconds
        wakes = (process.num_ctx_switches().voluntary - switched) / seconds
        print(
            f"\nat rest, no model loaded: {server.resident() / 1e6:.1f} MB resident, {100 * share:.2f} % of a core,"
            f" {wakes:.1f} wake-ups a second over {seconds:.0f} s"
        )


def rows(theirs: Found, ours: Found) -> Iterator[Row]:
    yield Row("decode tokens/s, one client", theirs.decode, ours.decode, "≥ 0.97", 2)
    yield Row("the same after six other conversations", theirs.later, ours.later, "", 2)
    yield Row(f"first token of {PROMPT_TOKENS}, ms", theirs.first, ours.first, "no later", 0)
    yield Row(f"first token of {SHORT_TOKENS}, ms", theirs.soon, ours.soon, "no later", 0)
    yield Row(f"{CLIENTS} clients at once, tokens/s in all", theirs.together, ours.together, "", 2)
    yield Row("the last one's first token, s", theirs.waited, ours.waited)
    yield Row("resident MB afterwards", theirs.resident, ours.resident, "≤ 0.70", 0)


def _lengths(i: int) -> Iterator[tuple[str, int]]:
    yield from ((f"warm {i}", 32), (f"read {i}", PROMPT_TOKENS), (f"write {i}", 16), (f"go {i}", 16))
    yield from ((f"soon {i} {k}", SHORT_TOKENS) for k in range(SHORT_ASKS))
    yield from ((f"client {i} {client}", CLIENT_TOKENS) for client in range(CLIENTS))


async def one_round(found: Found, server: Server, prompts: dict[str, str]) -> None:
    named = {seed.partition(" ")[0]: text for seed, text in prompts.items()}
    await server.ask(named["warm"], 9)
    found.decode.append((await server.ask(named["write"], ANSWER_TOKENS)).speed)
    found.first.append(1000 * (await server.ask(named["read"], 4, greedy=True)).first)
    for seed in (seed for seed in prompts if seed.startswith("soon")):
        found.soon.append(1000 * (await server.ask(prompts[seed], 4, greedy=True)).first)
    found.later.append((await server.ask(named["go"], ANSWER_TOKENS)).speed)
    clients = [text for seed, text in prompts.items() if seed.startswith("client")]
    began = perf_counter()
    answers = await asyncio.gather(*(server.ask(text, CLIENT_TOKENS) for text in clients))
    found.together.append(CLIENTS * CLIENT_TOKENS / (perf_counter() - began))
    found.waited.append(max(answer.first for answer in answers))
    found.resident.append(server.resident() / 1e6)


@asynccontextmanager
async def theirs(args: argparse.Namespace) -> AsyncIterator[Server]:
    options = ("-c", N_CTX, "-t", args.threads, "-np", 4, "--kv-unified")
    async with llama_server(args.llama_server, args.model, *options) as server:
        yield Server(server.port, server.pid)


@asynccontextmanager
async def ours(args: argparse.Namespace) -> AsyncIterator[Server]:
    with TemporaryDirectory(prefix="autoglm-lite-") as home:
        port = _free_port()
        options = ("--port", port, "--ctx", N_CTX, "--threads", args.threads, "--no-auth")
        process = await asyncio.create_subprocess_exec(
            *map(str, (sys.executable, "-m", "autoglm_lite", "serve", args.model, *options)),
            env={**os.environ, "AUTOGLM_LITE_HOME": home},
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            began = perf_counter()
            while not await _listens(port):
                if process.returncode is not None or perf_counter() - began > SECONDS_TO_START:
                    raise SystemExit("autoglm-lite serve does not start")
                await asyncio.sleep(0.1)
            yield Server(port, process.pid)
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def _free_port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
