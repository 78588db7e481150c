"""What lies in the store and belongs to nothing any more."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

import pytest

from autoglm_lite.store.facts import facts_folder, stored_facts
from autoglm_lite.store.leftovers import leftovers, remove_leftover, tidy
from autoglm_lite.store.models import models_dir
from autoglm_lite.store.using import marks_folder, note_use
from tests.gguf.tiny import llama

DAY = 86400


@pytest.fixture
def models() -> Path:
    folder = models_dir()
    for name in ("partial", "manifests", "locks"):
        (folder / name).mkdir(parents=True)
    return folder


def aged(path: Path, days: float, content: bytes = b"x" * 5000) -> Path:
    path.write_bytes(content)
    then = time.time() - days * DAY
    os.utime(path, (then, then))
    return path


def test_what_is_old_and_belongs_to_nothing_is_found_and_removed(models: Path) -> None:
    aged(models / "here.gguf", 100)
    kept = [
        aged(models / "manifests" / "here.json", 100),
        aged(models / "here.mmproj", 100),
        aged(models / "partial" / "young.gguf.part", 2),
        aged(models / "partial" / "young.gguf.json", 50),
        aged(models / "manifests" / "coming.json", 0),
        aged(models / "coming.123.new", 0),
        aged(models / "notes.txt", 100),
        aged(models / ".autoglm-lite-young.part", 2),
    ]
    old = [
        aged(models / "partial" / "old.gguf.part", 30),
        aged(models / "partial" / "old.gguf.json", 8),
        aged(models / "manifests" / "gone.json", 1),
        aged(models / "manifests" / "gone.77.new", 1),
        aged(models / "gone.mmproj", 1),
        aged(models / "gone.77.new", 1),
        aged(models / ".autoglm-lite-0123456789ab.part", 30),
        aged(models / ".autoglm-lite-0123456789ab.json", 30),
    ]
    (models / "lost.gguf").symlink_to("/mnt/not here now.gguf")
    aged(models / "manifests" / "lost.json", 100)
    found = leftovers(models)
    assert {path for one in found for path in one.paths} == set(old)
    assert sorted(one.kind for one in found) == ["manifest", "mmproj", "new", "new", "partial", "partial"]
    assert sum(map(remove_leftover, found)) >= 40_000
    assert leftovers(models) == []
    assert all(path.exists() for path in kept)
    assert not any(path.exists() for path in old)


def test_a_part_that_is_being_worked_on_stays_however_old(models: Path) -> None:
    path = aged(models / "partial" / "old.gguf.part", 30)
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert leftovers(models) == []
    assert len(leftovers(models)) == 1


def test_links_are_removed_and_not_followed(models: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    aged(outside / "keep", 100)
    (models / "partial" / "there").symlink_to(outside)
    folder = models / "partial" / "unpacked"
    folder.mkdir()
    (folder / "inner").symlink_to(outside)
    aged(folder / "file", 100)
    later = time.time() + 100 * DAY
    for one in leftovers(models, later):
        remove_leftover(one)
    assert list((models / "partial").iterdir()) == []
    assert (outside / "keep").exists()
    (models / "partial").rmdir()
    (models / "partial").symlink_to(outside)
    assert leftovers(models, later) == []


def test_what_nobody_misses_goes_without_asking(models: Path) -> None:
    path = llama().write(models / "here.gguf")
    for one in (path, models / "gone.gguf"):
        note_use(one)
    stored_facts(path)
    aged(facts_folder() / "old.json", 0)
    (models / "locks" / "here.lock").touch()
    assert tidy(models) == 3
    assert tidy(models) == 0
    assert len(list(marks_folder().iterdir())) == len(list(facts_folder().iterdir())) == 1
