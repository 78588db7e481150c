"""Workers killed under load: each stream ends in words or properly, and the service goes on."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from autoglm_lite.hardware.process import process_memory
from tests.server.process import PATIENCE, Served, served

SEED = 6
CLIENTS = 4
N_TOKENS = 600
SIGNALS = (signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT)
LEAST_BYTES = 8 << 20
"""What the allocator may keep more at one time than at another."""


@dataclass(slots=True)
class Ends:
    whole: int = 0
    in_words: int = 0
    silent: list[str] = field(default_factory=list)


async def stream(http: httpx.AsyncClient, ends: Ends, n_tokens: int) -> None:
    body = {
        "messages": [{"role": "user", "content": "Once upon a time"}],
        "max_tokens": n_tokens,
        "temperature": 1.0,
        "stream": True,
    }
    last = ""
    async with http.stream("POST", "/v1/chat/completions", json=body) as response:
        if response.status_code != 200:
            assert response.status_code in (429, 503), response.status_code
            assert json.loads(await response.aread())["error"]["message"]
            ends.in_words += 1
            return
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                last = line[6:]
    if last == "[DONE]":
        ends.whole += 1
    elif last.startswith("{") and "error" in json.loads(last):
        ends.in_words += 1
    else:
        ends.silent.append(last)


async def kill_under_load(service: Served, n_kills: int, ends: Ends, draw: random.Random) -> None:
    """While clients stream, whoever works is killed at moments that are drawn."""
    killed = 0

    async def client(http: httpx.AsyncClient) -> None:
        while killed < n_kills:
            await stream(http, ends, N_TOKENS)

    async def killer() -> None:
        nonlocal killed
        while killed < n_kills:
            await asyncio.sleep(draw.uniform(0, 0.4))
            for pid in service.workers:
                os.kill(pid, draw.choice(SIGNALS))
                killed += 1

    async with httpx.AsyncClient(base_url=service.url, timeout=PATIENCE) as http:
        await asyncio.wait_for(asyncio.gather(killer(), *(client(http) for _ in range(CLIENTS))), 5 * PATIENCE)
        proper = Ends()
        await stream(http, proper, 8)
        assert proper.whole == 1


def resident(pid: int) -> int:
    return process_memory(pid)[0]


@pytest.mark.slow
def test_a_hundred_kills(endless_gguf: Path) -> None:
    draw, ends = random.Random(SEED), Ends()
    with served(endless_gguf, "--ctx", "2048") as service:
        asyncio.run(kill_under_load(service, 10, ends, draw))
        before, files = resident(service.pid), service.settled_files()
        asyncio.run(kill_under_load(service, 90, ends, draw))
        after = resident(service.pid)
        assert not ends.silent
        assert ends.in_words >= 20
        assert after - before < LEAST_BYTES, (before, after)
        assert service.settled_files() <= files


async def eight_at_once(service: Served) -> None:
    ends = Ends()
    async with httpx.AsyncClient(base_url=service.url, timeout=PATIENCE) as http:
        await asyncio.wait_for(asyncio.gather(*(stream(http, ends, 40) for _ in range(8))), PATIENCE)
    assert (ends.whole, ends.in_words, ends.silent) == (8, 0, [])


def test_eight_clients_at_once_are_all_served(endless_gguf: Path) -> None:
    with served(endless_gguf, "--ctx", "2048") as service:
        asyncio.run(eight_at_once(service))
