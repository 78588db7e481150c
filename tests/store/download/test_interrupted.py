"""Stops, Ctrl-C, a power cut: all end soon, and what came is kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO

import pytest

from autoglm_lite.store.download import PARTIAL, Fetch, Patience, disk, fetch, keeping, work
from autoglm_lite.store.download.keeping import Kept
from autoglm_lite.store.download.line import PIECE_BYTES, Line
from autoglm_lite.store.download.note import NOTE, PART, Note, write_note
from autoglm_lite.store.hub.failures import DownloadError
from tests.store.download.driving import (
    CONTENT,
    FILE,
    NAME,
    QUICK,
    REPO,
    asked_again,
    fetching,
    kept,
    note_in,
    noted,
    source_of,
)
from tests.store.hub import FakeHub

PATIENT = Patience(stall=60.0, first=0.01)
SECONDS = 10.0
"""That nothing here takes, however busy the machine is; a server that says nothing is waited for much longer."""


def running(fetch: Fetch) -> threading.Thread:
    thread = threading.Thread(target=fetch.run)
    thread.start()
    return thread


@pytest.mark.parametrize("fault", ["mute", "stall"])
def test_a_stop_does_not_wait_for_the_server_and_keeps_what_came(hub: FakeHub, folder: Path, fault: str) -> None:
    hub.faults = ["slow", *[fault] * 20]
    one = fetching(hub, folder, patience=PATIENT)
    thread = running(one)
    while one.progress.done < 50_000:
        assert thread.is_alive()
    one.stop()
    thread.join(SECONDS)
    assert not thread.is_alive()
    before = noted(folder)
    assert 50_000 <= before.n_bytes == one.progress.done < len(CONTENT)
    for begin, end in before:
        assert kept(folder)[begin:end] == CONTENT[begin:end]
    hub.faults.clear()
    hub.asked.clear()
    assert one.run() == folder / NAME
    assert asked_again(hub, before, len(CONTENT)) == []
    assert one.progress.state == "done"


def test_the_connections_end_with_it(hub: FakeHub, folder: Path) -> None:
    hub.faults = ["slow", *["mute"] * 20]
    one = fetching(hub, folder, patience=PATIENT)
    thread = running(one)
    while len(hub.ranges()) < 5:
        assert thread.is_alive()
    one.stop()
    thread.join(SECONDS)
    assert [line for line in threading.enumerate() if line.name == "download"] == []


def test_what_comes_after_the_end_is_not_written(hub: FakeHub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "SECONDS_TO_END", 0.0)
    monkeypatch.setattr(Line, "cut", lambda _: None)
    hub.pace = 30.0
    # Half of a segment is one piece of the server's, which then waits.
    monkeypatch.setattr(work, "LEAST_SEGMENT", 100_000)
    monkeypatch.setattr(work, "MOST_SEGMENT", 100_000)
    one = fetching(hub, folder, patience=PATIENT)
    thread = running(one)
    while one.progress.done < 50_000:
        assert thread.is_alive()
    one.stop()
    thread.join(SECONDS)
    before = kept(folder)
    assert any(line.name == "download" for line in threading.enumerate())
    hub.released.set()
    for line in threading.enumerate():
        if line.name == "download":
            line.join(SECONDS)
    assert kept(folder) == before


def test_ctrl_c_ends_it_and_keeps_what_came(hub: FakeHub, folder: Path) -> None:
    hub.faults = [*["slow"] * 3, *["mute"] * 20]
    source = source_of(hub, told=False)
    command = [sys.executable, str(Path(__file__).parent / "interrupted.py"), source.address, str(folder), NAME]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "some\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        assert process.wait(SECONDS) == 0
    before = noted(folder)
    assert before.n_bytes
    hub.faults.clear()
    hub.asked.clear()
    assert fetching(hub, folder, source_of(hub)).run()
    assert asked_again(hub, before, len(CONTENT)) == []


def test_a_power_cut_costs_what_was_not_synced_and_nothing_else(
    hub: FakeHub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk: dict[str, bytes] = {}
    written = write_note

    def sync(file: BinaryIO) -> None:
        on_disk["part"] = kept(folder)

    def write(path: Path, note: Note) -> None:
        written(path, note)
        on_disk["note"] = path.read_bytes()

    monkeypatch.setattr(disk, "sync", sync)
    monkeypatch.setattr(keeping, "write_note", write)
    hub.faults = [*["slow"] * 5, *["mute"] * 20]
    one = fetching(hub, folder, patience=PATIENT)
    thread = running(one)
    while one.progress.done < 200_000 or "note" not in on_disk:
        assert thread.is_alive()
    cut = dict(on_disk)
    one.stop()
    thread.join(SECONDS)
    # What was not synced is lost, and the file has its length all the same, as file systems have it after that.
    part = folder / PARTIAL / (NAME + PART)
    part.write_bytes(cut["part"].ljust(len(kept(folder)), b"\0"))
    part.with_name(NAME + NOTE).write_bytes(cut["note"])
    before = noted(folder)
    assert before.n_bytes
    hub.faults.clear()
    hub.asked.clear()
    assert fetching(hub, folder).run()
    assert (folder / NAME).read_bytes() == CONTENT
    assert asked_again(hub, before, len(CONTENT)) == []


def test_a_disk_that_did_not_take_what_was_written_is_not_believed_later(
    hub: FakeHub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """fsync(2): after an error, a second fsync succeeds though the data is lost."""

    def sync(file: BinaryIO) -> None:
        if note_in(folder) is not None:
            raise OSError(5, os.strerror(5))

    hub.faults = ["stall"]
    with monkeypatch.context() as patched:
        patched.setattr(disk, "sync", sync)
        with pytest.raises(DownloadError, match=r"cannot be written \(Input/output error\)"):
            fetching(hub, folder).run()
    assert 0 < noted(folder).n_bytes < len(CONTENT)
    assert not (folder / NAME).exists()
    assert fetching(hub, folder, patience=QUICK).run()
    assert hub.given[f"{REPO}/{FILE}"] > len(CONTENT)


def test_a_disk_that_is_slower_than_the_line_is_waited_for(
    hub: FakeHub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = []
    save = Kept.save

    def saved(self: Kept, of: work.Work, file: BinaryIO) -> None:
        waiting.append(of.written - of.synced)
        save(self, of, file)

    monkeypatch.setattr(work, "MOST_UNSYNCED", 100_000)
    monkeypatch.setattr(disk, "sync", lambda _: time.sleep(0.05))
    monkeypatch.setattr(Kept, "save", saved)
    assert fetching(hub, folder).run()
    assert (folder / NAME).read_bytes() == CONTENT
    assert max(waiting) <= 100_000 + PIECE_BYTES


def test_a_line_that_has_worked_is_waited_for_longer_than_one_that_never_did(hub: FakeHub, folder: Path) -> None:
    patience = Patience(stall=1.0, first=0.001, most=0.002, attempts=6, at_first=2)
    hub.faults = ["hub 503"] * 20
    with pytest.raises(DownloadError):
        fetching(hub, folder, patience=patience).run()
    assert hub.count("hub") == 2
    hub.faults = ["cut", *["503"] * 20]
    hub.asked.clear()
    with pytest.raises(DownloadError):
        fetching(hub, folder, patience=patience).run()
    assert hub.count("store") == 1 + 5
