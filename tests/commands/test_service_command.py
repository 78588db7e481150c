"""`autoglm-lite service` where no systemd is needed: options handed on, and what is said without one."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from autoglm_lite.cli import main
from autoglm_lite.commands.installing import arguments, listening
from autoglm_lite.commands.serve import add_arguments
from autoglm_lite.errors import UsageError
from autoglm_lite.service.systemctl import RUNS
from autoglm_lite.store.models import starter_path
from tests.server.process import served


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(words)


def test_the_service_gets_the_same_options_but_for_where_it_listens() -> None:
    words = ["--host=localhost", "--host=box.local", "--parallel=2", "--ctx=2048", "--memory=3000000000", "--no-auth"]
    handed_on = arguments(parsed(*words, "--port", "9000", "--socket", "/tmp/s", "--rpc", "box:1", "--rpc", "box:2"))
    assert sorted(handed_on) == sorted([*words, "--rpc=box:1", "--rpc=box:2"])
    assert arguments(parsed(*handed_on)) == handed_on


def test_nothing_is_handed_on_that_is_usual() -> None:
    assert arguments(parsed()) == []


def test_a_model_is_known_everywhere_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "-odd.gguf").symlink_to(starter_path())
    monkeypatch.chdir(tmp_path)
    handed_on = arguments(parsed("--", "-odd.gguf"))
    assert handed_on == ["--", str(tmp_path / "-odd.gguf")]
    assert parsed(*handed_on).model == str(tmp_path / "-odd.gguf")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ((), ["127.0.0.1:8484", "SOCKET"]),
        (("--port", "9000"), ["127.0.0.1:9000", "SOCKET"]),
        (("--host", "::1"), ["[::1]:8484", "SOCKET"]),
        (("--host", "0.0.0.0", "--host", "box.local"), ["0.0.0.0:8484", "SOCKET"]),
        (("--socket", "/tmp/s"), ["/tmp/s"]),
        (("--socket", "/tmp/s", "--port", "9000"), ["127.0.0.1:9000", "/tmp/s"]),
    ],
)
def test_where_systemd_listens(words: tuple[str, ...], found: list[str], home: Path) -> None:
    ours = str(home / "runtime" / "service.sock")
    assert [place.replace(ours, "SOCKET") for place in listening(parsed(*words))] == found


@pytest.mark.parametrize("words", [("--port", "0"), ("--host", "0.0.0.0", "--no-auth")])
def test_what_no_service_may_do_is_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        listening(parsed(*words))


@pytest.mark.parametrize("action", ["install", "uninstall", "start", "stop", "restart", "status", "logs"])
def test_without_systemd_it_says_what_to_do(
    action: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(["service", action]) == 1
    said = capsys.readouterr()
    assert not said.out
    assert said.err.count("\n") == 1
    assert "autoglm-lite serve" in said.err


@pytest.mark.skipif(not RUNS.exists() or shutil.which("systemctl") is None, reason="there is no systemd here")
def test_after_su_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    assert main(["service", "install"]) == 1
    assert "XDG_RUNTIME_DIR" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("systemctl") is None, reason="there is no systemd here")
def test_in_a_container_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    assert main(["service", "install"]) == 1
    said = capsys.readouterr().err
    assert "autoglm-lite serve" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--ctx", "0"], 2),
        (["--threads", "0"], 2),
        (["--profile", "no-such"], 2),
        (["--host", ".no-name"], 2),
        (["--host", "192.0.2.1"], 2),
        (["--socket", "/tmp/" + 120 * "a"], 1),
        (["/tmp"], 1),
        ([__file__], 1),
    ],
)
def test_what_no_request_could_be_answered_with_stops_the_start(words: list[str], code: int) -> None:
    command = [sys.executable, "-m", "autoglm_lite", "serve", "--port", "0", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == code
    assert done.stderr.count("\n") == 1
    assert "None" not in done.stderr


def test_status_shows_a_service_that_was_started_by_hand() -> None:
    with served(auth=True) as service:
        command = [sys.executable, "-m", "autoglm_lite", "service", "status"]
        # Without a service manager; the home is that of this test.
        environment = {**os.environ, "XDG_RUNTIME_DIR": "/nowhere"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        rows = {line[:12].strip(): line[12:] for line in done.stdout.splitlines()}
        assert rows["state"] == "running, started by hand"
        assert service.url in rows["address"]
        assert len(rows["key"]) == 43
        assert rows["models"] == "none in memory"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_serve_stops_when_it_is_asked_to(number: int, code: int, tmp_path: Path) -> None:
    place = tmp_path / "s"
    command = [sys.executable, "-m", "autoglm_lite", "serve", "--socket", str(place)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert str(place) in process.stderr.readline()
        process.send_signal(number)
        assert process.wait(60) == code
        assert not process.stderr.read().strip()
    assert not place.exists()
