"""Two computers on one: `rpc-server` in a process of its own, and what other commands do with it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.worker.serving import free_port

PATIENCE = 60.0
STORY = b", there was a little girl named Lily."


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "autoglm_lite", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL)


@contextmanager
def serving(*options: str) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """The command, its address, and what it has said: what it offers, and how to use it."""
    port = str(free_port())
    command = [sys.executable, "-m", "autoglm_lite", "rpc-server", "--port", port, "--threads", "1", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline() + process.stdout.readline()
            assert re.match(r"Offering .+ with .+ of free memory at ", said)
            yield process, f"127.0.0.1:{port}", said
        finally:
            process.kill()


def test_a_model_is_shared_by_two_computers(stories_gguf: Path) -> None:
    with serving() as (_, endpoint, _):
        wanted = [str(stories_gguf), "--ctx", "512", "--threads", "1", "--rpc", endpoint]
        planned = run("plan", *wanted, "--json")
        found = json.loads(planned.stdout)
        assert found["devices"] == [{"name": endpoint, "endpoint": endpoint, "layers": 5}]
        assert found["gpu_layers"] == 6
        assert 0 < found["predicted_bytes"]["devices"][endpoint] < 30e6
        page = run("plan", *wanted).stdout
        assert f"on {endpoint}, for 5 layers" in " ".join(page.split())
        question = ["-p", "Once upon a time", "--temperature", "0", "--max-tokens", "30"]
        shared, alone = run("chat", *wanted, *question), run("chat", *wanted[:-2], *question)
        assert (shared.returncode, shared.stdout) == (0, alone.stdout)


def test_ctrl_c_ends_it_and_a_port_in_use_is_one_sentence() -> None:
    with serving() as (process, endpoint, said):
        second = run("rpc-server", "--port", endpoint.rpartition(":")[2])
        assert (second.returncode, second.stdout) == (1, "")
        assert re.fullmatch(
            rf"autoglm-lite: {endpoint} cannot be served \(Address already in use\): .*\n", second.stderr
        )
        children = psutil.Process(process.pid).children()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 130
        assert "Only programs on this computer reach it" in said
        assert err.strip() == ""
        assert psutil.wait_procs(children, timeout=PATIENCE)[1] == []


def test_the_warning_where_others_reach_it() -> None:
    with serving("--host", "0.0.0.0") as (process, _, said):
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
        assert "WARNING: anybody who can reach this port" in err
        assert "--rpc THIS-COMPUTER:" in said


def test_it_starts_again_when_its_worker_dies(stories_gguf: Path) -> None:
    with serving() as (process, endpoint, _):
        (child,) = psutil.Process(process.pid).children()
        os.kill(child.pid, signal.SIGKILL)
        assert process.stderr is not None
        assert process.stderr.readline().endswith("It is started again.\n")
        port = int(endpoint.rpartition(":")[2])
        while not any(
            c.laddr.port == port and c.status == "LISTEN"
            for other in psutil.Process(process.pid).children()
            for c in other.net_connections()
        ):
            assert process.poll() is None
        assert run("plan", str(stories_gguf), "--rpc", endpoint).returncode == 0


def test_a_server_that_dies_in_mid_answer_is_named(endless_gguf: Path) -> None:
    with serving() as (server, endpoint, _):
        command = [sys.executable, "-m", "autoglm_lite", "chat", str(endless_gguf), "-p", "Once upon a time"]
        command += ["--ctx", "16384", "--threads", "1", "--temperature", "0", "--rpc", endpoint]
        with subprocess.Popen(
            command, bufsize=0, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as asking:
            assert asking.stdout is not None
            begun = b""
            while len(begun) < len(STORY):
                begun += asking.stdout.read(len(STORY))
            for process in [psutil.Process(server.pid), *psutil.Process(server.pid).children()]:
                process.kill()
            rest, said = asking.communicate(timeout=PATIENCE)
        assert asking.returncode == 1
        assert (begun + rest).startswith(STORY)
        assert (
            said.decode()
            .splitlines()[-1]
            .startswith(f"autoglm-lite: The connection to {endpoint}, where 6 of the model's")
        )


def test_a_server_that_is_not_there(stories_gguf: Path) -> None:
    wanted = [str(stories_gguf), "--ctx", "512", "--rpc", f"127.0.0.1:{free_port()}"]
    planned = run("plan", *wanted)
    assert (planned.returncode, planned.stdout) == (1, "")
    assert re.fullmatch(r"autoglm-lite: No RPC server can be reached at .*, or leave --rpc out\.\n", planned.stderr)
    # A conversation goes on without it.
    question = ["-p", "Once upon a time", "--temperature", "0", "--max-tokens", "5"]
    asked = run("chat", *wanted, *question)
    assert (asked.returncode, asked.stdout) == (0, run("chat", *wanted[:-2], *question).stdout)
    assert "No RPC server can be reached" in asked.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["plan", "--rpc", "10.0.0.2"], "is no HOST:PORT"),
        (["plan", "--rpc", "[::1]:50052"], "is no HOST:PORT"),
        (["plan", "--rpc", "10.0.0.2:99999"], "is no HOST:PORT"),
        (["plan", "--vram", "much"], "is no size"),
        (["rpc-server", "--port", "0"], "--port 0 makes no sense"),
        (["rpc-server", "--threads", "0"], "--threads 0 makes no sense"),
        (["rpc-server", "--host", "no.such.host.invalid"], "is no address of this computer"),
    ],
)
def test_wishes_that_make_no_sense(arguments: list[str], words: str) -> None:
    refused = run(*arguments)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert words in refused.stderr
