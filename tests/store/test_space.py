"""Where the disk's space went, and removing what is ours."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autoglm_lite.errors import ModelFileError, UsageError
from autoglm_lite.paths import states_dir
from autoglm_lite.store import starter_path
from autoglm_lite.store.download import PARTIAL
from autoglm_lite.store.models import models_dir
from autoglm_lite.store.removing import remove
from autoglm_lite.store.space import read_space


@pytest.fixture
def folder() -> Path:
    folder = models_dir()
    folder.mkdir(parents=True)
    return folder


def test_everything_is_counted_where_it_belongs(folder: Path, tmp_path: Path) -> None:
    far = tmp_path / "far.gguf"
    far.write_bytes(bytes(500))
    (folder / "a.gguf").write_bytes(bytes(3000))
    (folder / "link.gguf").symlink_to(far)
    (folder / PARTIAL).mkdir()
    (folder / PARTIAL / "b.gguf.part").write_bytes(bytes(200))
    (folder / PARTIAL / "c").mkdir()
    with (folder / PARTIAL / "c" / "c.gguf.part").open("wb") as file:
        file.truncate(1_000_000)
    states_dir().mkdir(parents=True)
    (states_dir() / "x.kv").write_bytes(bytes(10))
    space = read_space()
    assert (space.models, space.parts, space.states) == (3000, 200, 10)
    assert space.free


def test_without_any_folder_there_is_nothing_but_free_space() -> None:
    space = read_space()
    assert (space.models, space.parts, space.states) == (0, 0, 0)
    assert space.free


def test_removing_says_what_is_free_then(folder: Path, tmp_path: Path) -> None:
    far = tmp_path / "far.gguf"
    far.write_bytes(bytes(500))
    (folder / "a.gguf").write_bytes(bytes(3000))
    (folder / "link.gguf").symlink_to(far)
    os.link(far, folder / "twin.gguf")
    assert [remove(folder / name) for name in ("a.gguf", "link.gguf", "twin.gguf")] == [3000, 0, 0]
    assert far.stat().st_size == 500
    with pytest.raises(ModelFileError, match="No such file"):
        remove(folder / "a.gguf")


def test_only_what_is_in_the_folder_is_removed(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "mine.gguf"
    outside.touch()
    inside = folder / "sub"
    inside.mkdir()
    (inside / "deep.gguf").touch()
    (folder / "notes.txt").touch()
    kept = [outside, starter_path(), inside / "deep.gguf", folder / "notes.txt", folder / "x" / ".." / "notes.txt"]
    for path in kept:
        with pytest.raises(UsageError, match="not ours to delete"):
            remove(path)
    assert all(path.exists() for path in kept[:4])
