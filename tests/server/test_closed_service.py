"""`autoglm-lite serve` as it is started: its key, its sockets, and what it refuses to start with."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from autoglm_lite.hardware.process import process_memory
from autoglm_lite.server.keys import key_path, read_key
from tests.server.closed import answer
from tests.server.process import Served, served

IDLE_BYTES = 60_000_000
REQUEST = "GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n"


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Path]]:
    """The service, and its Unix socket."""
    home = tmp_path_factory.mktemp("closed")
    path = home / "s" / "socket"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTOGLM_LITE_HOME", str(home))
        with served("--socket", path, auth=True) as found:
            yield found, path


@pytest.fixture(autouse=True)
def at_home(started: tuple[Served, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOGLM_LITE_HOME", str(started[1].parent.parent))


def over_socket(path: Path, target: str, host: str, more: str = "") -> int:
    """The status."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(str(path))
        connection.sendall(REQUEST.format(path=target, host=host, more=more).encode())
        return answer(connection).status


def test_it_takes_little_memory_and_sleeps(started: tuple[Served, Path]) -> None:
    pid = started[0].pid
    assert process_memory(pid)[0] < IDLE_BYTES
    before = _switches(pid)
    time.sleep(2)
    assert _switches(pid) - before <= 4


def _switches(pid: int) -> int:
    """How often the process has gone to sleep, and so has woken up."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("\nvoluntary_ctxt_switches:")[1].split()[0])


def test_the_first_start_makes_the_key_that_opens(started: tuple[Served, Path]) -> None:
    url = started[0].url
    key = read_key()
    assert key is not None
    assert httpx.get(f"{url}/v1/models").status_code == 401
    assert httpx.get(f"{url}/v1/models", headers={"x-api-key": key}).status_code == 200
    assert key_path().stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("host", ["localhost", "", "whatever.example", "%2Frun%2Fuser%2F1000%2Fsocket"])
def test_a_unix_socket_is_asked_by_any_name_and_needs_the_key(started: tuple[Served, Path], host: str) -> None:
    key = f"Authorization: Bearer {read_key()}\r\n"
    assert started[1].stat().st_mode & 0o777 == 0o600
    assert over_socket(started[1], "/health", host) == 200
    assert over_socket(started[1], "/v1/models", host) == 401
    assert over_socket(started[1], "/v1/models", host, key) == 200
    assert over_socket(started[1], "/v1/models", host, key + "Origin: http://localhost\r\n") == 403


def test_half_open_connections_keep_nobody_out(started: tuple[Served, Path]) -> None:
    url = started[0].url
    port = int(url.rpartition(":")[2])
    with ExitStack() as held:
        for begin in (b"GET /health HTTP/1.1\r\nHost: ", b"POST /v1/chat/completions HTTP/1.1\r\n"):
            for _ in range(100):
                held.enter_context(socket.create_connection(("127.0.0.1", port))).sendall(begin)
        assert httpx.get(f"{url}/health", timeout=30).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_without_a_key_it_does_not_listen_for_other_computers(host: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "autoglm_lite", "serve", "--no-auth", "--host", host, "--port", "0"],
        env={"AUTOGLM_LITE_HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "without a key" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("key"))


def test_a_key_that_others_may_have_read_stops_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOGLM_LITE_HOME", str(tmp_path))
    key_path().parent.mkdir(mode=0o700, parents=True)
    key_path().write_text("a-key-that-everybody-knows\n")
    key_path().chmod(0o644)
    done = subprocess.run(
        [sys.executable, "-m", "autoglm_lite", "serve", "--port", "0"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "Others may have read" in done.stderr
    assert "Traceback" not in done.stderr
