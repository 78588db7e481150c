"""A real RPC server of llama.cpp on loopback, whose memory can be limited and whose process can be killed."""

from __future__ import annotations

import asyncio
import re
import resource
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from autoglm_lite.hardware.devices import Device
from autoglm_lite.worker.client import Worker

PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Server:
    endpoint: str
    pid: int
    device: Device

    def limit(self, n_bytes: int) -> None:
        """From now on it can have so many bytes more than now; allocation fails past them."""
        size = re.search(r"VmSize:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        assert size is not None
        most = int(size[1]) * 1024 + n_bytes
        resource.prlimit(self.pid, resource.RLIMIT_AS, (most, most))


@asynccontextmanager
async def serving(log: Path | None = None) -> AsyncIterator[Server]:
    port = free_port()
    endpoint = f"127.0.0.1:{port}"
    async with Worker(log) as worker, Worker() as client:
        about_to = asyncio.Event()
        task = asyncio.create_task(worker.serve_devices("127.0.0.1", port, 1, lambda _: about_to.set()))
        await asyncio.wait({task, asyncio.ensure_future(about_to.wait())}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.to_thread(until_listening, port)
        (device,) = await client.devices([endpoint])
        await client.close()
        assert worker.pid is not None
        try:
            yield Server(endpoint, worker.pid, device)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until_listening(port: int) -> None:
    """Without a connection: the server serves one at a time."""
    end = time.monotonic() + PATIENCE
    while f"0100007F:{port:04X} 00000000:0000 0A" not in Path("/proc/net/tcp").read_text():
        assert time.monotonic() < end, "the server does not listen"
        time.sleep(0.02)
