"""A disk that fills up, at each write in turn: a sentence, what came is kept, and what was there before is whole."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO

import pytest

from autoglm_lite.store.download import Download, Fetch, disk
from autoglm_lite.store.hub.failures import DownloadError
from autoglm_lite.store.wanted import Wanted
from tests.store.download.driving import CONTENT, FILE, NAME, QUICK, REPO, asked_again, fetching, kept, noted
from tests.store.full_disk import full_at
from tests.store.hub import FakeHub


def test_too_small_a_disk_is_told_before_anything_comes(
    hub: FakeHub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=50_000_000))
    with pytest.raises(DownloadError, match="it needs 100 MB more and has 50 MB") as caught:
        fetching(hub, folder).run()
    assert caught.value.kind == "full"
    assert kept(folder) == b""


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize("nth", range(0, 40, 5))
def test_a_write_that_fails(hub: FakeHub, folder: Path, monkeypatch: pytest.MonkeyPatch, number: int, nth: int) -> None:
    """Each write takes half of what it is given before that, as disks do that are nearly full."""
    writes, real = 0, disk.write

    def write(file: BinaryIO, piece: bytes | memoryview) -> int:
        nonlocal writes
        writes += 1
        if writes > nth:
            raise OSError(number, os.strerror(number))
        return real(file, piece[: (len(piece) + 1) // 2])

    (folder / "old.gguf").write_bytes(b"old")
    with monkeypatch.context() as patched:
        patched.setattr(disk, "write", write)
        with pytest.raises(DownloadError, match=r"The disk has too little room for A Model.*what came is kept"):
            fetching(hub, folder).run()
    before = noted(folder)
    assert bool(before.n_bytes) == (nth > 0)
    for begin, end in before:
        assert kept(folder)[begin:end] == CONTENT[begin:end]
    assert not (folder / NAME).exists()
    assert (folder / "old.gguf").read_bytes() == b"old"
    hub.asked.clear()
    assert fetching(hub, folder).run()
    assert (folder / NAME).read_bytes() == CONTENT
    assert asked_again(hub, before, len(CONTENT)) == []


def test_a_note_that_finds_no_room_is_made_some_from_what_came_last(
    hub: FakeHub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest, real = 150_000, disk.replace_json

    def replace_json(path: Path, known: Mapping[str, object]) -> None:
        nonlocal longest
        if len(kept(folder)) >= longest:
            longest = len(kept(folder))
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(path, known)

    hub.faults = [*["slow"] * 5, *["mute"] * 20]
    with monkeypatch.context() as patched:
        patched.setattr("autoglm_lite.store.download.note.replace_json", replace_json)
        with pytest.raises(DownloadError, match="too little room"):
            fetching(hub, folder).run()
    assert 60_000 < noted(folder).n_bytes < longest
    hub.faults.clear()
    assert fetching(hub, folder).run()
    assert (folder / NAME).read_bytes() == CONTENT


def test_whatever_step_fails_the_model_before_is_whole_or_the_new_one_is(hub: FakeHub, folder: Path) -> None:
    """Of all that is done with the disk, the model's publishing included."""
    hub.repositories[REPO][FILE] = CONTENT[:60_000]
    wanted = Wanted(f"hf:{REPO}/{FILE}", NAME, "A Model", 60_000)
    step, fell = 0, True
    while fell:
        error: Exception | None = None
        with full_at(step) as full:
            try:
                Download(wanted, folder, hub.environ, QUICK).run()
            except Exception as caught:
                error = caught
        if error is not None:
            assert full.fell
            assert re.fullmatch("[^\n]*(room|full|cannot be written)[^\n]*", str(error))
            assert not (folder / NAME).exists() or (folder / NAME).read_bytes() == CONTENT[:60_000]
        fell, step = full.fell, step + 1
        path = Download(wanted, folder, hub.environ, QUICK).run()
        assert path is not None
        assert path.read_bytes() == CONTENT[:60_000]
        path.unlink()
    assert step > 10


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_FSIZE ends a process elsewhere")
def test_a_real_limit_of_the_system(hub: FakeHub, folder: Path) -> None:
    """Of the size of files, which the kernel answers with a short write and then EFBIG."""
    address = f"{hub.url}/{REPO}/resolve/main/{FILE}"
    command = [sys.executable, str(Path(__file__).parent / "limited.py"), address, str(folder), NAME]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "full\n", done.stderr
    assert 0 < noted(folder).n_bytes <= 123_456
    hub.asked.clear()
    before = noted(folder)
    assert fetching(hub, folder).run()
    assert asked_again(hub, before, len(CONTENT)) == []


def test_a_folder_that_cannot_be_written(hub: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DownloadError, match="cannot be written"):
        fetching(hub, tmp_path / "file").run()


def test_a_part_that_vanishes_is_said(hub: FakeHub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def finish(part: Path) -> None:
        part.unlink()
        move(one, part)

    move = Fetch._move
    one = fetching(hub, folder)
    monkeypatch.setattr(one, "_finish", finish)
    with pytest.raises(DownloadError, match=r"cannot be written \(No such file or directory\)"):
        one.run()
