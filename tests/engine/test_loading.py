"""A model is read ahead of llama.cpp and told of from the start, whatever room there is for it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from autoglm_lite.engine import loading, readahead
from autoglm_lite.engine.loading import open_context, open_model
from autoglm_lite.engine.progress import LoadShare
from autoglm_lite.engine.readahead import ReadAhead, is_cached
from autoglm_lite.errors import LoadError
from autoglm_lite.hardware.room import Room
from autoglm_lite.planning.plan import Plan

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs posix_fadvise and /proc")


def room(monkeypatch: pytest.MonkeyPatch, available: int) -> None:
    monkeypatch.setattr(loading, "read_room", lambda: Room(1 << 32, available, 0, 0, limited=False))


@linux
@pytest.mark.parametrize("times", [3.0, 1.5, 0.5])
def test_the_same_model_comes_of_it_with_any_room(
    stories_gguf: Path, monkeypatch: pytest.MonkeyPatch, times: float
) -> None:
    plan = Plan(str(stories_gguf), 64, 1, 1)
    size = stories_gguf.stat().st_size
    room(monkeypatch, int(times * size))
    shares: list[float] = []
    before = threading.active_count()
    model = open_model(plan, shares.append)
    with closing(model), closing(open_context(model, plan)) as context:
        context.decode(model.tokenize("Once upon a time", add_special=True, parse_special=False), 0, n_outputs=1)
        best = max(range(model.n_vocab), key=lambda token: context.logits(1)[0][token])
        assert model.token_bytes(best).strip() == b","
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert threading.active_count() == before


def test_a_file_that_cannot_be_loaded_leaves_no_thread(tmp_path: Path) -> None:
    before = threading.active_count()
    (tmp_path / "bad.gguf").write_bytes(os.urandom(3 << 20))
    for name in ("bad.gguf", "missing.gguf"):
        with pytest.raises(LoadError):
            open_model(Plan(str(tmp_path / name), 64, 1, 1))
    assert threading.active_count() == before


@linux
def test_a_file_in_memory_is_known(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_bytes(bytes(3 << 20))
    os.sync()
    assert is_cached(str(path))
    file = os.open(path, os.O_RDONLY)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)
    kind = subprocess.run(["stat", "-f", "-c", "%T", str(path)], capture_output=True, text=True, check=True).stdout
    # A file system in memory keeps it.
    assert is_cached(str(path)) == (kind.strip() == "tmpfs")
    assert not is_cached(str(tmp_path / "none"))
    path.write_bytes(b"")
    assert not is_cached(str(path))


@linux
def test_the_whole_file_is_read_in_order_and_the_end_is_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model"
    path.write_bytes(bytes(5 * readahead.PIECE_BYTES + 7))
    monkeypatch.setattr(readahead, "is_cached", lambda path: False)
    share = LoadShare(path.stat().st_size)
    told: list[float] = []
    with ReadAhead(str(path), share, told.append, fits=True) as reader:
        while len(told) < 6:
            time.sleep(0.001)
        reader.end()
    assert len(told) == 6
    first = threading.Event()
    go = threading.Event()

    def wait(done: float) -> None:
        told.append(done)
        first.set()
        assert go.wait(30)

    told.clear()
    with ReadAhead(str(path), LoadShare(share.n_bytes), wait, fits=True) as r:
        assert first.wait(30)
        r._ended.set()
        go.set()
    assert len(told) == 1


@linux
def test_what_llama_cpp_reads_itself_is_told_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model"
    path.write_bytes(bytes(1 << 20))
    monkeypatch.setattr(readahead, "is_cached", lambda path: False)
    counts = iter([100, 100 + (1 << 19), *[1 << 30] * 1000])
    monkeypatch.setattr(readahead, "_bytes_read", lambda: next(counts))
    monkeypatch.setattr(readahead, "SECONDS_BETWEEN", 0.001)
    told: list[float] = []
    with ReadAhead(str(path), LoadShare(1 << 20), told.append, fits=False):
        while len(told) < 3:
            time.sleep(0.001)
    assert told == sorted(told)
    assert 0 < told[0] <= told[-1] < 1


@linux
def test_bytes_read_are_counted() -> None:
    assert readahead._bytes_read() >= 0
