"""Two programs that want the same file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from autoglm_lite.store import locking
from autoglm_lite.store.download import PARTIAL
from autoglm_lite.store.download.turn import Turn
from tests.store.download.driving import CONTENT, FILE, NAME, REPO, asked_again, fetching, noted, source_of
from tests.store.hub import FakeHub

KILLED = Path(__file__).parent / "killed.py"


def another(hub: FakeHub, folder: Path) -> subprocess.Popen[bytes]:
    """A process that is getting it."""
    command = [sys.executable, str(KILLED), source_of(hub).address, str(folder), NAME]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    for _ in range(2):
        # The first says that nothing has come yet.
        process.stdout.readline()
    return process


def test_one_gets_it_and_the_other_takes_what_came(hub: FakeHub, folder: Path) -> None:
    hub.faults = [*["slow"] * 3, *["stall"] * 4]
    with another(hub, folder):
        one = fetching(hub, folder)
        seen = set()
        thread = threading.Thread(target=one.run)
        thread.start()
        while thread.is_alive():
            seen.add((one.progress.state, one.progress.total))
            time.sleep(0.01)
    assert (folder / NAME).read_bytes() == CONTENT
    assert ("taken", len(CONTENT)) in seen
    assert one.progress.state == "done"
    assert hub.given[f"{REPO}/{FILE}"] == len(CONTENT)
    assert list((folder / PARTIAL).iterdir()) == []


def test_what_a_killed_one_leaves_is_gone_on_with(hub: FakeHub, folder: Path) -> None:
    hub.faults = [*["slow"] * 3, *["mute"] * 20]
    with another(hub, folder) as process:
        one = fetching(hub, folder)
        thread = threading.Thread(target=one.run)
        thread.start()
        while one.progress.state != "taken" or not noted(folder).n_bytes:
            assert thread.is_alive()
        process.send_signal(signal.SIGKILL)
        process.wait()
        before = noted(folder)
        hub.faults.clear()
        hub.asked.clear()
        thread.join(20)
    assert not thread.is_alive()
    assert (folder / NAME).read_bytes() == CONTENT
    assert before.n_bytes
    late = [asked for asked in hub.asked if asked.place == "store"]
    assert late
    assert asked_again(hub, before, len(CONTENT)) == []


def test_waiting_ends_with_a_stop(hub: FakeHub, folder: Path) -> None:
    (folder / PARTIAL).mkdir()
    turn = Turn(folder / PARTIAL / f"{NAME}.lock")
    assert turn.take()
    assert turn.holder() == os.getpid()
    one = fetching(hub, folder)
    thread = threading.Thread(target=one.run)
    thread.start()
    while one.progress.state != "taken":
        assert thread.is_alive()
    one.stop()
    thread.join(20)
    assert not thread.is_alive()
    assert hub.asked == []
    turn.give_back()
    assert turn.holder() is None
    assert one.run()


def test_where_files_cannot_be_locked_the_process_that_is_named_counts(
    hub: FakeHub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locking, "_locked", lambda _: True)
    (folder / PARTIAL).mkdir()
    lock = folder / PARTIAL / f"{NAME}.lock"
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        lock.write_text(f"{process.pid} {locking._started(process.pid)}")
        assert not Turn(lock).take()
        assert process.stdin is not None
        process.stdin.close()
        process.wait()
    assert fetching(hub, folder).run()


def test_many_at_once_get_it_once(hub: FakeHub, folder: Path) -> None:
    hub.pace = 0.01
    results: list[Path | None] = []
    threads = [threading.Thread(target=lambda: results.append(fetching(hub, folder).run())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == [folder / NAME] * 8
    assert hub.given[f"{REPO}/{FILE}"] == len(CONTENT)
