"""The speed of a disk is measured on the real one, once a day."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from autoglm_lite.commands import disk_speed
from autoglm_lite.commands.disk_speed import LEAST_FILE_BYTES, measure, read_speed
from autoglm_lite.paths import cache_dir


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    with path.open("wb") as out:
        out.write(os.urandom(1 << 20) * (LEAST_FILE_BYTES >> 20))
    try:
        measure(path, LEAST_FILE_BYTES)
    except (OSError, AttributeError):
        pytest.skip("the page cache cannot be passed by here")
    return path


def test_a_disk_is_measured_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    speed = read_speed(file)
    assert speed is not None
    assert speed > 1e6
    monkeypatch.setattr(disk_speed, "measure", None)
    assert read_speed(file) == speed


@pytest.mark.parametrize("content", ["", "{", "[]", '{"1": "fast"}', '{"1": [-1.0, 9e99]}'])
def test_a_damaged_note_is_measured_again(file: Path, content: str) -> None:
    assert read_speed(file)
    (cache_dir() / "disks.json").write_text(content)
    assert read_speed(file)
    assert json.loads((cache_dir() / "disks.json").read_text())


def test_small_and_missing_files_have_no_speed(tmp_path: Path) -> None:
    (tmp_path / "small").write_bytes(b"x" * 1000)
    assert read_speed(tmp_path / "small") is None
    assert read_speed(tmp_path / "missing") is None
