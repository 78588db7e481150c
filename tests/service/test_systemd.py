"""The service under a real service manager of a user."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from autoglm_lite.service.unit import SERVICE, SOCKET
from tests.service.manager import PATIENCE, Installed

WATCHDOG_SECONDS = 1


def test_the_first_request_starts_it_and_it_says_when_it_is_ready(service: Installed) -> None:
    manager = service.manager
    manager.systemctl("stop", SERVICE)
    assert manager.value("MainPID") == "0"
    assert manager.value("ActiveState", SOCKET) == "active"
    assert "waiting" in manager.autoglm("service", "status")

    assert service.http.get("/health").json() == {"status": "ok"}

    # Of Type=notify: active only once READY=1 was said.
    assert manager.value("Type") == "notify"
    assert manager.value("ActiveState") == "active"
    assert service.ask().status_code == 200


def test_it_answers_at_its_unix_socket_that_is_the_users_alone(service: Installed) -> None:
    path = Path(service.manager.environment["XDG_RUNTIME_DIR"]) / "autoglm-lite" / "service.sock"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(path))) as http:
        assert http.get("http://localhost/health").status_code == 200


def test_status_says_all_on_one_screen(service: Installed) -> None:
    service.ask()
    said = service.manager.autoglm("service", "status")
    rows = {line[:12].strip(): line[12:] for line in said.splitlines()}
    assert rows["state"].startswith("running since")
    assert str(service.http.base_url).rstrip("/") in rows["address"]
    assert rows["key"] in service.http.headers["Authorization"]
    assert "starter" in rows["models"]
    assert "MB, of at most" in rows["memory"]
    assert rows["last error"] == "none"


def test_a_killed_worker_leaves_the_port_open_and_the_next_request_is_answered(service: Installed) -> None:
    assert service.ask().status_code == 200
    server = service.manager.value("MainPID")
    for worker in service.manager.workers:
        os.kill(worker, signal.SIGKILL)
        # Who asks in the very moment of the death is told of it.
        service.manager.until_gone(worker)
        assert service.http.get("/health").status_code == 200
    assert service.ask().status_code == 200
    assert service.manager.value("MainPID") == server


def test_a_killed_server_comes_back_and_the_port_never_closes(service: Installed) -> None:
    before = service.manager.value("MainPID")
    os.kill(int(before), signal.SIGKILL)
    service.manager.until(lambda: service.manager.value("MainPID") != before)
    assert httpx.get(f"{service.http.base_url}/health", timeout=PATIENCE).status_code == 200
    assert service.manager.value("MainPID") not in ("0", before)


def test_what_the_kernel_says_of_its_protection(service: Installed, capsys: pytest.CaptureFixture[str]) -> None:
    manager = service.manager
    secret = manager.home / ".ssh" / "id"
    secret.parent.mkdir(exist_ok=True)
    secret.write_text("secret")
    conversations = manager.home / ".local/share/autoglm-lite/conversations.db"
    conversations.write_text("secret")
    manager.systemctl("restart", SERVICE)
    service.ask()

    server = manager.value("MainPID")
    for pid in (server, *map(str, manager.workers)):
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        assert status["NoNewPrivs"].strip() == "1"
        assert status["Seccomp"].strip() == "2"
        if manager.value("PrivateUsers") == "yes":
            assert int(status["CapEff"], 16) == 0
            seen = Path(f"/proc/{pid}/root{manager.home}")
            assert seen.is_dir()
            assert not (seen / ".ssh").exists()
            assert (seen / ".local/share/autoglm-lite/models").exists()
            assert not (seen / ".local/share/autoglm-lite/conversations.db").exists()
            assert not Path(f"/proc/{pid}/root{manager.environment['XDG_RUNTIME_DIR']}/systemd/private").exists()
    conversations.unlink()
    unit = manager.home / ".config" / "systemd" / "user" / SERVICE
    command = ["systemd-analyze", "--user", "security", "--offline=true", "--no-pager", str(unit)]
    score = subprocess.run(command, env=manager.environment, capture_output=True, text=True).stdout.splitlines()[-1]
    with capsys.disabled():
        print(f"\n{score} PrivateUsers={manager.value('PrivateUsers')}, and proved in /proc")
    assert float(score.rpartition(": ")[2].split()[0]) < 4


def test_a_hung_worker_is_restarted_by_the_watchdog(service: Installed) -> None:
    service.drop_in(f"WatchdogSec={WATCHDOG_SECONDS}")
    manager = service.manager
    assert service.ask().status_code == 200
    before = manager.value("MainPID")
    (worker,) = manager.workers

    os.kill(worker, signal.SIGSTOP)
    stopped = time.monotonic()
    manager.until(lambda: manager.value("MainPID") not in ("0", before) and manager.value("ActiveState") == "active")
    seconds = time.monotonic() - stopped

    assert seconds < WATCHDOG_SECONDS + 5
    assert int(manager.value("NRestarts")) >= 1
    assert not Path(f"/proc/{worker}").exists()
    assert service.ask().status_code == 200


@pytest.mark.slow
def test_a_worker_at_work_or_at_rest_lives_through_the_watchdog(service: Installed) -> None:
    service.drop_in(f"WatchdogSec={2 * WATCHDOG_SECONDS}")
    before = service.manager.value("MainPID")
    text = " ".join(map(str, range(80)))
    question = {"model": "starter", "messages": [{"role": "user", "content": text}], "max_tokens": 200}
    end = time.monotonic() + 3 * WATCHDOG_SECONDS
    while time.monotonic() < end:
        assert service.ask().status_code == 200
        assert service.http.post("/v1/chat/completions", json=question).status_code == 200
    time.sleep(3 * WATCHDOG_SECONDS)
    assert service.manager.value("MainPID") == before
    assert service.manager.value("NRestarts") == "0"


def test_folders_that_are_gone_are_there_after_the_next_login(service: Installed) -> None:
    manager = service.manager
    manager.systemctl("stop", SOCKET, SERVICE)
    runtime = Path(manager.environment["XDG_RUNTIME_DIR"]) / "autoglm-lite"
    cache = manager.home / ".cache" / "autoglm-lite"
    for folder in (runtime, cache):
        shutil.rmtree(folder)
    manager.systemctl("start", SOCKET)
    assert service.ask().status_code == 200
    assert cache.stat().st_mode & 0o777 == 0o700
    assert (runtime / "serving.json").exists()


def test_another_install_keeps_the_key(service: Installed) -> None:
    port = str(service.http.base_url.port)
    said = service.manager.autoglm("service", "install", "--port", port, "--ctx", "512")
    assert service.http.headers["Authorization"].split()[1] in said
    assert service.ask().status_code == 200


def test_what_cannot_be_installed_changes_nothing(service: Installed) -> None:
    before = service.manager.units()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(AssertionError, match="another program listens there"):
            service.manager.autoglm("service", "install", "--port", str(taken.getsockname()[1]))
    assert service.manager.units() == before
    assert service.ask().status_code == 200
