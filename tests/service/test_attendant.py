"""The end of the service: after long rest, and when it is asked to stop while it answers."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from autoglm_lite.server.keys import read_key
from autoglm_lite.service import watchdog
from autoglm_lite.service.attendant import Attendant, Models
from autoglm_lite.service.notify import Notifier
from autoglm_lite.service.running import find
from autoglm_lite.worker.client import Worker


@dataclass
class State:
    total_requests: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)


@dataclass
class Server:
    """What the attendant sees of uvicorn's."""

    server_state: State = field(default_factory=State)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self) -> None:
        self.ended.set()


async def nothing() -> None:
    pass


async def ends(rest: float | None, workers: tuple[Worker, ...] = (), seconds: float = 0.3) -> bool:
    server = Server()
    attendant = Attendant(Models(lambda: workers, nothing), Notifier("", 0.03), lambda: None, rest)
    attendant.ready(server)
    try:
        await asyncio.wait_for(server.ended.wait(), seconds)
    except asyncio.TimeoutError:
        return False
    finally:
        await attendant.close()
    return True


def test_a_service_that_is_started_again_by_a_request_ends_after_long_rest() -> None:
    assert asyncio.run(ends(0.1, seconds=30))


def test_one_that_nobody_would_start_again_stays() -> None:
    assert not asyncio.run(ends(None))


def test_one_with_a_model_in_memory_stays() -> None:
    async def run() -> None:
        assert not await ends(0.1, (Worker(),))

    asyncio.run(run())


def test_requests_keep_it() -> None:
    async def run() -> None:
        server = Server()
        attendant = Attendant(Models(lambda: (), nothing), Notifier("", 0.03), lambda: None, 0.5)
        attendant.ready(server)
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            server.server_state.total_requests += 1
            await asyncio.sleep(0.01)
            assert not server.ended.is_set()
        await asyncio.wait_for(server.ended.wait(), 30)
        await attendant.close()

    asyncio.run(run())


def test_it_looks_rarely_where_nobody_asks_for_signs() -> None:
    assert watchdog.SECONDS_BETWEEN >= 10


def test_a_stream_under_way_ends_with_an_error_when_the_service_stops(endless_gguf: Path, tmp_path: Path) -> None:
    place = str(tmp_path / "service.sock")
    command = [sys.executable, "-m", "autoglm_lite", "serve", "--ctx", "32768", "--socket", place, str(endless_gguf)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert place in process.stderr.readline()
        with httpx.Client(transport=httpx.HTTPTransport(uds=place), timeout=60) as http:
            http.headers["Authorization"] = f"Bearer {read_key()}"
            body = {"messages": [{"role": "user", "content": "Once"}], "max_tokens": 32000, "stream": True}
            with http.stream("POST", "http://localhost/v1/chat/completions", json=body) as answer:
                assert answer.status_code == 200
                lines = _data(answer)
                next(lines)
                process.send_signal(signal.SIGTERM)
                last = list(lines)[-2:]
        assert process.wait(30) == 0
        assert not re.search("Traceback|Exception", process.stderr.read())
    assert any('"error"' in line for line in last), last
    assert find() is None
    assert not Path(place).exists()


def _data(answer: httpx.Response) -> Iterator[str]:
    for line in answer.iter_lines():
        if line.startswith("data: "):
            yield line.removeprefix("data: ")
