"""A lock that is a hint: it keeps two from the same work, and is never in the way of one."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from autoglm_lite.errors import StoreError
from autoglm_lite.store.locking import LOCKS, held, remove_stale

HOLD = """
import sys, time
from pathlib import Path
from autoglm_lite.store.locking import held
with held(Path(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    time.sleep(60)
"""


def holder(models: Path, name: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(models), name], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.mark.parametrize("with_flock", [True, False])
def test_another_process_waits_is_told_for_whom_and_a_killed_holder_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_flock: bool
) -> None:
    process = holder(tmp_path, "a model")
    if not with_flock:
        monkeypatch.setattr(fcntl, "flock", lambda *_: None)
    try:
        with (
            pytest.raises(StoreError, match=rf"changing the model a model for 0 seconds \(process {process.pid}\)"),
            held(tmp_path, "a model", 0.1),
        ):
            pass
        with held(tmp_path, "another", 0.1):
            pass
        assert remove_stale(tmp_path) == 1
        assert [path.name for path in (tmp_path / LOCKS).iterdir()] == ["a model.lock"]
    finally:
        end(process)
    assert (tmp_path / LOCKS / "a model.lock").read_text().startswith(f"{process.pid} ")
    with held(tmp_path, "a model", 5):
        pass
    assert (tmp_path / LOCKS / "a model.lock").read_text() == ""


def test_a_number_that_another_process_has_by_now_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / LOCKS).mkdir()
    (tmp_path / LOCKS / "m.lock").write_text(f"{os.getppid()} 1")
    with held(tmp_path, "m", 0.1):
        pass
    for odd in ("x", "1", "99999999999999999999 5", "\xff\xff", " ", str(os.getpid())):
        (tmp_path / LOCKS / "m.lock").write_text(odd, encoding="latin-1")
        with held(tmp_path, "m", 0.1):
            pass


def test_one_thread_at_a_time_also_while_stale_locks_are_removed(tmp_path: Path) -> None:
    inside, most, rounds = 0, 0, [0]

    def work() -> None:
        nonlocal inside, most
        for _ in range(30):
            with held(tmp_path, "m"):
                inside += 1
                most = max(most, inside)
                rounds[0] += 1
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        remove_stale(tmp_path)
    for thread in threads:
        thread.join()
    assert (rounds[0], most) == (120, 1)


def test_where_no_lock_can_be_written_the_work_is_done_without(tmp_path: Path) -> None:
    (tmp_path / LOCKS).write_bytes(b"in the way")
    with held(tmp_path, "m", 0.1):
        pass


def test_a_model_of_any_name_has_a_lock_within_the_folder(tmp_path: Path) -> None:
    for name in ("../x", "a/b", "", "x" * 300, "\udcff", "a\0b"):
        with held(tmp_path, name, 0.1):
            pass
    assert [path for path in tmp_path.iterdir() if path.name != LOCKS] == []
    assert len(list((tmp_path / LOCKS).iterdir())) == 6
