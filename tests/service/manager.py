"""A service manager of the tests' own: `systemd --user` in a runtime folder and a home folder made for it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from autoglm_lite.service.unit import DROP_INS, SERVICE
from tests.server.process import Served
from tests.worker.serving import free_port

PROGRAM = Path("/lib/systemd/systemd")
SECONDS_TO_START = 20.0
PATIENCE = 60.0
HOME = "Ada's: 50% of $HOME \\ x"
"""With all that means something in units."""
ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True)
class Manager:
    environment: Mapping[str, str]
    home: Path

    def systemctl(self, *arguments: str) -> str:
        return self._run("systemctl", "--user", *arguments).strip()

    def value(self, name: str, unit: str = SERVICE) -> str:
        return self.systemctl("show", unit, f"--property={name}", "--value")

    def autoglm(self, *arguments: str) -> str:
        """What the program prints."""
        return self._run(sys.executable, "-m", "autoglm_lite", *arguments)

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command, env=self.environment, cwd=ROOT, capture_output=True, text=True, timeout=2 * PATIENCE
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def until(self, true: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < end, "it did not come true"
            time.sleep(0.05)

    def until_gone(self, pid: int) -> None:
        self.until(lambda: not Path(f"/proc/{pid}").exists())

    def files(self) -> set[Path]:
        """All in the home and the runtime folder that could be the service's."""
        return {path for path in self.home.parent.rglob("*autoglm*") if not path.is_dir()}

    def units(self) -> Mapping[Path, bytes]:
        """What the user's own units say."""
        folder = self.home / ".config" / "systemd" / "user"
        return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    @property
    def workers(self) -> list[int]:
        """Process ids of those that hold a model."""
        pid = self.value("MainPID")
        return Served("", int(pid)).workers if pid != "0" else []


@dataclass(frozen=True, slots=True)
class Installed:
    manager: Manager
    http: httpx.Client

    def ask(self) -> httpx.Response:
        """A word of the starter's."""
        question = {"model": "starter", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
        return self.http.post("/v1/chat/completions", json=question)

    def drop_in(self, text: str) -> None:
        folder = self.manager.home / ".config" / "systemd" / "user" / DROP_INS
        folder.mkdir(exist_ok=True)
        (folder / "test.conf").write_text(f"[Service]\n{text}\n")
        self.manager.systemctl("daemon-reload")
        self.manager.systemctl("restart", SERVICE)


@contextmanager
def manager() -> Iterator[Manager]:
    """Skips where it cannot run."""
    if not PROGRAM.exists() or shutil.which("systemctl") is None:
        pytest.skip("there is no systemd here")
    try:
        # Without it, systemctl takes the machine for one that runs no systemd at all.
        Path("/run/systemd/system").mkdir(parents=True, exist_ok=True)
    except OSError:
        pytest.skip("systemd does not run here, and only root can pretend that it does")
    # Short: the path of a Unix socket has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="agl-"))
    runtime, home = folder / "runtime", folder / HOME
    for made in (runtime, home):
        made.mkdir(mode=0o700)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "AUTOGLM_", "DBUS_"))}
    environment = {**kept, "HOME": str(home), "XDG_RUNTIME_DIR": str(runtime)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [PROGRAM, "--user", "--unit=basic.target"], env=environment, stdout=log, stderr=log, start_new_session=True
        )
    found = Manager(environment, home)
    try:
        if not _starts(found, process):
            pytest.skip(f"systemd --user does not run here: {(folder / 'log').read_text()[-300:]}")
        yield found
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(SECONDS_TO_START)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _starts(found: Manager, process: subprocess.Popen[bytes]) -> bool:
    end = time.monotonic() + SECONDS_TO_START
    while process.poll() is None and time.monotonic() < end:
        asking = ["systemctl", "--user", "is-active", "basic.target"]
        if subprocess.run(asking, env=found.environment, capture_output=True).returncode == 0:
            return True
        time.sleep(0.1)
    return False


@contextmanager
def installed(manager: Manager, *options: str) -> Iterator[Installed]:
    """On a free port, and taken away again."""
    port = free_port()
    said = manager.autoglm("service", "install", "--port", str(port), *options)
    key = next(line.split()[1] for line in said.splitlines() if line.startswith("key "))
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE) as http:
            yield Installed(manager, http)
    finally:
        manager.autoglm("service", "uninstall")
