"""`autoglm-lite chat` beside a service that runs: one copy of the weights serves both."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from autoglm_lite.gguf import read_facts
from tests.commands.test_chat_command import COMMAND, chat, kept
from tests.server.process import Served, served

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
BY_SERVICE = "autoglm-lite: The answer comes from the running service.\n"
STORY = ["endless", "-p", "Once upon a time", "--temperature", "0"]


@pytest.fixture
def service(endless_gguf: Path, home: Path) -> Iterator[Served]:
    """With a stored model whose answers have no end, behind a key, at a port and a Unix socket."""
    folder = home / "data" / "models"
    folder.mkdir(parents=True)
    shutil.copy(endless_gguf, folder / "endless.gguf")
    with served("--socket", home / "serving.sock", "--threads", "1", "--ctx", "32768", auth=True) as running:
        yield running


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for path in listed for child in path.read_text().split()]


def ask_for_ever() -> subprocess.Popen[bytes]:
    command = [*COMMAND, *STORY]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    )


def test_the_answer_is_the_same_and_no_worker_is_started(service: Served, home: Path) -> None:
    by_service = chat(*STORY, "--max-tokens", "40")
    assert (by_service.returncode, by_service.stderr) == (0, BY_SERVICE)
    here = chat(*STORY, "--max-tokens", "40", "--threads", "1", "--ctx", "4096")
    assert here.stderr == ""
    assert by_service.stdout == here.stdout != ""
    assert len(service.workers) == 1
    assert kept(home)[-1].content == by_service.stdout.rstrip("\n")

    with ask_for_ever() as asking:
        assert asking.stdout is not None
        asking.stdout.read(20)
        assert not [pid for pid in children(asking.pid) if b"worker.child" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        asking.send_signal(signal.SIGINT)
        assert asking.wait(20) == 130
    assert kept(home)[-1].state == "stopped"
    # The service has stopped as well: its one worker computes no more.
    (worker,) = service.workers
    until(lambda: idle(worker))


def idle(pid: int) -> bool:
    """Whether it uses no processor for a fifth of a second."""

    def ticks() -> int:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    before = ticks()
    time.sleep(0.2)
    return ticks() - before <= 1


def test_what_the_command_line_says_of_loading_is_obeyed_here(service: Served, stories_gguf: Path) -> None:
    for arguments in (
        [*STORY, "--ctx", "2048"],
        # The service knows no file by its path, even where the names are the same.
        [str(shutil.copy(stories_gguf, stories_gguf.with_name("endless.gguf"))), "-p", "Once"],
    ):
        ran = chat(*arguments, "--max-tokens", "5")
        assert ran.returncode == 0
        assert BY_SERVICE not in ran.stderr
    assert service.workers == []


def test_json_with_figures_of_the_service(service: Served) -> None:
    report = json.loads(chat(*STORY, "--max-tokens", "10", "--json").stdout)
    assert report["finish_reason"] == "length"
    assert (report["usage"]["prompt_tokens"], report["usage"]["completion_tokens"]) == (5, 10)
    assert all(value > 0 for value in report["timings"].values())


def test_the_death_of_the_services_worker_is_told(service: Served, home: Path) -> None:
    with ask_for_ever() as asking:
        assert asking.stdout is not None
        begun = asking.stdout.read(20)
        os.kill(service.workers[0], signal.SIGKILL)
        rest, errors = asking.communicate(timeout=30)
    assert asking.returncode == 1
    said = errors.decode().removeprefix(BY_SERVICE)
    assert said.startswith("autoglm-lite: ")
    assert "killed" in said
    assert said.count("\n") == 1
    answer = kept(home)[-1]
    assert answer.state == "cut off"
    assert (begun + rest).decode() == answer.content.rstrip("\n") + "\n"
    assert chat(*STORY, "--max-tokens", "5").stderr == BY_SERVICE


def test_a_service_that_goes_away_in_the_middle(endless_gguf: Path, home: Path) -> None:
    folder = home / "data" / "models"
    folder.mkdir(parents=True)
    shutil.copy(endless_gguf, folder / "endless.gguf")
    command = [sys.executable, "-m", "autoglm_lite", "serve", "--port", "0", "--threads", "1", "--ctx", "32768"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            until((home / "runtime" / "serving.json").exists)
            until(lambda: BY_SERVICE in chat(*STORY, "--max-tokens", "1").stderr)
            with ask_for_ever() as asking:
                assert asking.stdout is not None
                asking.stdout.read(20)
                process.kill()
                _, errors = asking.communicate(timeout=30)
        finally:
            process.kill()
    assert asking.returncode == 1
    assert b"The running service has gone" in errors
    assert kept(home)[-1].state == "cut off"
    # What it left behind is no service.
    ran = chat(*STORY, "--max-tokens", "5")
    assert (ran.returncode, ran.stderr) == (0, "")


def test_without_a_model_named_the_one_in_memory_is_taken(service: Served, home: Path, endless_gguf: Path) -> None:
    key = (home / "data" / "service" / "key").read_text().strip()
    headers = {"Authorization": f"Bearer {key}"}
    asked = {"model": "endless", "prompt": "Once", "max_tokens": 1}
    httpx.post(f"{service.url}/v1/completions", json=asked, headers=headers, timeout=60).raise_for_status()
    ran = chat("-p", "Once", "--max-tokens", "5", "--json")
    assert ran.stderr == BY_SERVICE
    assert json.loads(ran.stdout)["model"] == read_facts(endless_gguf).name
