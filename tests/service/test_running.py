"""Finding the service that runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autoglm_lite.paths import runtime_dir
from autoglm_lite.service.running import NAME, Running, announce, find


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOGLM_LITE_HOME", str(tmp_path))


def test_it_is_found_while_it_runs_and_leaves_no_file() -> None:
    assert find() is None
    with announce("http://127.0.0.1:8484", None):
        assert find() == Running(os.getpid(), "http://127.0.0.1:8484", None)
        assert (runtime_dir() / NAME).stat().st_mode & 0o777 == 0o600
        assert runtime_dir().stat().st_mode & 0o777 == 0o700
    assert find() is None
    assert list(runtime_dir().iterdir()) == []


def test_one_whose_process_has_gone_is_not_found() -> None:
    code = "import os; from autoglm_lite.service.running import announce\nwith announce(None, '/a'): os._exit(0)"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert json.loads((runtime_dir() / NAME).read_text())["socket"] == "/a"
    assert find() is None


def test_the_end_of_one_does_not_hide_another() -> None:
    with announce(None, "/mine"):
        other = {"pid": os.getppid(), "url": "http://127.0.0.1:1", "socket": None}
        (runtime_dir() / NAME).write_text(json.dumps(other))
    assert find() == Running(os.getppid(), "http://127.0.0.1:1", None)


def test_after_the_end_of_one_the_one_before_is_found_again() -> None:
    other = {"pid": os.getppid(), "url": "http://127.0.0.1:1", "socket": None}
    runtime_dir().mkdir(parents=True)
    (runtime_dir() / NAME).write_text(json.dumps(other))
    with announce(None, "/mine"):
        assert find() == Running(os.getpid(), None, "/mine")
    assert find() == Running(os.getppid(), "http://127.0.0.1:1", None)


def test_in_a_container_it_may_be_process_1() -> None:
    runtime_dir().mkdir(parents=True)
    (runtime_dir() / NAME).write_text('{"pid": 1, "url": "http://127.0.0.1:8484", "socket": null}')
    assert find() == Running(1, "http://127.0.0.1:8484", None)


def test_without_a_runtime_folder_another_is_taken_silently(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTOGLM_LITE_HOME")
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    assert runtime_dir().is_absolute()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"pid": "x", "url": null, "socket": null}', '{"pid": 0}', "\udcff"])
def test_a_damaged_file_is_no_service(text: str) -> None:
    runtime_dir().mkdir(parents=True)
    (runtime_dir() / NAME).write_bytes(text.encode(errors="surrogateescape"))
    assert find() is None


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text(json.dumps({"pid": os.getpid(), "url": "http://127.0.0.1:1", "socket": None}))
    runtime_dir().mkdir(parents=True)
    (runtime_dir() / NAME).symlink_to(elsewhere)
    assert find() is None
