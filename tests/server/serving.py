"""The service's application on loopback: a real uvicorn in a thread, over real workers with tiny models.

Tests under tests/server get it as the session's fixture `running` (see conftest.py): models `starter` (trained, with a
chat template, the default), `stories` (trained, without a template), `endless` (the same with a template and a context
that takes it many seconds to fill), `vectors` (makes embeddings) and `ranks` (ranks documents), and `broken`, whose
file is no model. Ask with any HTTP client at `running.url`, or with `running.http`;
reach into the service with `running.call`, which runs a coroutine on its loop:

    def test_health(running: Running) -> None:
        assert running.http.get("/health").json() == {"status": "ok"}
        assert running.call(names(running.service.models))

For other models, limits or an application of another kind, start one of your own: `with serving(folder, files) as it:`.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import httpx
from starlette.types import ASGIApp

from autoglm_lite.gguf import read_facts
from autoglm_lite.planning.make import Wishes, decide
from autoglm_lite.server.app import make_app
from autoglm_lite.server.listen import make_server, tcp_socket
from autoglm_lite.server.models import Models
from autoglm_lite.server.resident import Planned, Resident
from autoglm_lite.server.service import Service
from tests.planning.models import GB, machine

T = TypeVar("T")
PATIENCE = 60.0
N_PARALLEL = 4


@dataclass(frozen=True, slots=True)
class Running:
    url: str
    """http://127.0.0.1:PORT"""
    service: Service
    http: httpx.Client
    loop: asyncio.AbstractEventLoop

    def call(self, work: Coroutine[object, object, T]) -> T:
        """The result of `work`, run on the service's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)

    def until(self, true: Callable[[], bool]) -> None:
        """Waits for it, asked on the service's loop; fails after a minute."""

        async def asked() -> bool:
            return true()

        end = time.monotonic() + PATIENCE
        while not self.call(asked()):
            assert time.monotonic() < end, "it did not come true"
            time.sleep(0.01)


@contextmanager
def serving(
    folder: Path,
    files: Mapping[str, Path],
    default: str = "starter",
    *,
    n_ctx: int | None = None,
    n_parallel: int = N_PARALLEL,
    application: Callable[[Service], ASGIApp] = make_app,
) -> Iterator[Running]:
    """`folder`: for what the service keeps between requests."""

    def planner(path: Path, taken: int) -> Planned:
        facts = read_facts(path)
        plan = decide(facts, machine(4 * GB, cores=1), Wishes(ctx=n_ctx, n_parallel=n_parallel)).plan
        return Planned(facts, replace(plan, model_path=str(path), threads=1, threads_batch=1))

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True, name="service")
    thread.start()
    with tcp_socket("127.0.0.1", 0) as listening, httpx.Client(timeout=PATIENCE) as http:
        http.base_url = httpx.URL(f"http://127.0.0.1:{listening.getsockname()[1]}")
        service = Service(Models(lambda: dict(files), lambda: default, planner), folder)
        server = make_server(application(service))

        async def close() -> None:
            server.end()
            await serve
            await service.models.close()
            await loop.shutdown_default_executor()

        async def start() -> asyncio.Task[None]:
            return asyncio.create_task(server.serve([listening]))

        serve = asyncio.run_coroutine_threadsafe(start(), loop).result(PATIENCE)
        running = Running(str(http.base_url).rstrip("/"), service, http, loop)
        try:
            running.until(lambda: server.started)
            yield running
        finally:
            running.call(close())
            loop.call_soon_threadsafe(loop.stop)
            thread.join(PATIENCE)
            loop.close()


def endless(running: Running) -> Resident:
    """The model of this name, in memory."""
    (found,) = [one for one in running.service.models.residents if one.name == "endless"]
    return found


def until_idle(resident: Resident) -> None:
    """Within a time in which an endless answer could not have come to its end."""
    end = time.monotonic() + 10
    while resident.n_users or resident.worker.seconds_idle is None:
        assert time.monotonic() < end, "it is still being asked"
        time.sleep(0.02)


async def until_busy(resident: Resident) -> None:
    """Somebody asks it."""
    end = time.monotonic() + PATIENCE
    for _ in iter(lambda: resident.n_users, 1):
        assert time.monotonic() < end, "nobody asks"
        await asyncio.sleep(0.02)
