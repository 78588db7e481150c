"""`autoglm-lite serve` in a process of its own, as a user starts it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.worker.serving import free_port

PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Served:
    url: str
    pid: int

    @property
    def workers(self) -> list[int]:
        """Process ids of those that hold a model."""
        children = Path(f"/proc/{self.pid}/task").glob("*/children")
        pids = [int(pid) for path in children for pid in path.read_text().split()]
        return [pid for pid in pids if b"worker.child" in _command(pid)]

    @property
    def n_files(self) -> int:
        """Open descriptors."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def settled_files(self) -> int:
        """Open descriptors once they have not changed for a second: connections close after their clients have gone."""
        end = time.monotonic() + PATIENCE
        seen, since = self.n_files, time.monotonic()
        while time.monotonic() < min(end, since + 1):
            time.sleep(0.05)
            if self.n_files != seen:
                seen, since = self.n_files, time.monotonic()
        return seen

    def until_answers(self) -> None:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                httpx.get(f"{self.url}/health").raise_for_status()
                return
            except httpx.HTTPError:  # noqa: PERF203
                assert time.monotonic() < end, "the service does not answer"
                time.sleep(0.05)


@contextmanager
def served(*options: str | Path, auth: bool = False) -> Iterator[Served]:
    """`options` of `autoglm-lite serve`; without a key unless `auth`."""
    port = free_port()
    command = [sys.executable, "-m", "autoglm_lite", "serve", *map(str, options), "--port", str(port)]
    # A pipe that nobody reads would fill with what is said of many failures, and hold the service up.
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen([*command, *([] if auth else ["--no-auth"])], stderr=log, text=True)
        found = Served(f"http://127.0.0.1:{port}", process.pid)
        try:
            found.until_answers()
            yield found
            assert process.poll() is None, "the service has ended by itself"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)
        log.seek(0)
        said = log.read()
    assert not re.search("Traceback|Exception", said), said


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
