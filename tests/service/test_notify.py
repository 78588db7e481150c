"""What is said to systemd, over a real datagram socket, and the sockets that it passes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoglm_lite.service.notify import Notifier, take_sockets


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(10)
        yield listening


def heard(manager: socket.socket) -> str:
    return manager.recv(4096).decode()


def test_it_says_how_it_fares(manager: socket.socket) -> None:
    environment = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}
    notifier = Notifier.take(environment)
    assert not environment
    assert notifier.watchdog_seconds == 3.0
    notifier.ready()
    assert heard(manager) == "READY=1"
    notifier.status("two\nlines = one, 模型")
    assert heard(manager) == "STATUS=two lines = one, 模型"
    notifier.alive()
    assert heard(manager) == "WATCHDOG=1"
    notifier.stopping()
    assert heard(manager) == "STOPPING=1"


@pytest.mark.skipif(sys.platform != "linux", reason="names without a file are Linux's")
def test_a_manager_may_be_in_the_abstract_namespace() -> None:
    name = f"autoglm-lite-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + name)
        listening.settimeout(10)
        Notifier.take({"NOTIFY_SOCKET": "@" + name}).ready()
        assert heard(listening) == "READY=1"


@pytest.mark.parametrize("address", ["", "relative", "/nowhere/notify"])
def test_nobody_need_listen(address: str) -> None:
    Notifier.take({"NOTIFY_SOCKET": address}).ready()


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "0"},
    ],
)
def test_a_watchdog_that_is_not_ours_is_none(environment: dict[str, str]) -> None:
    assert Notifier.take(dict(environment)).watchdog_seconds is None


def test_sockets_that_were_passed_are_taken_once_and_closed_for_children() -> None:
    """In a process that has them from its third descriptor on, as systemd starts one."""
    code = """
import os, socket, sys
listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
for n, one in enumerate(listening):
    os.dup2(one.fileno(), 10 + n)
for n in range(2):
    os.dup2(10 + n, 3 + n)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2", LISTEN_FDNAMES="a:b")
from autoglm_lite.service.notify import take_sockets
taken = take_sockets(os.environ)
assert [one.fileno() for one in taken] == [3, 4]
assert not any(os.get_inheritable(one.fileno()) for one in taken)
assert not any(name.startswith("LISTEN_") for name in os.environ)
assert take_sockets(os.environ) == []
socket.create_connection(taken[1].getsockname()).close()
os._exit(0)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize(
    "environment",
    [{}, {"LISTEN_PID": "1", "LISTEN_FDS": "1"}, {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "many"}],
)
def test_sockets_of_others_are_left_alone(environment: dict[str, str]) -> None:
    assert take_sockets(dict(environment)) == []
