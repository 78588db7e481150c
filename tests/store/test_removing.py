"""A stored model goes, and what is not ours stays."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

import pytest

from autoglm_lite.errors import ModelFileError, UsageError
from autoglm_lite.store.adopting import adopt
from autoglm_lite.store.manifest import Manifest, StoredFile, read_manifest
from autoglm_lite.store.models import models_dir
from autoglm_lite.store.publishing import publish
from autoglm_lite.store.removing import removal, remove
from autoglm_lite.store.using import last_used, note_use

CONTENT = bytes(5000)


@pytest.fixture
def models() -> Path:
    folder = models_dir()
    (folder / "partial").mkdir(parents=True)
    return folder


def test_all_that_belongs_to_a_model_goes_with_it(models: Path) -> None:
    came, seeing = models / "partial" / "a", models / "partial" / "b"
    came.write_bytes(CONTENT)
    seeing.write_bytes(b"sees")
    known = Manifest("m", StoredFile("m.gguf", 5000), "fetched", mmproj=StoredFile("m.mmproj", 4))
    path = publish(models, came, known, seeing)
    note_use(path)
    before = removal(path)
    assert (before.n_bytes, before.frees, before.kept, before.users) == (5004, 5004, None, ())
    assert remove(path) == 5004
    assert [one.name for one in models.rglob("m*") if one.is_file()] == ["m.lock"]
    assert read_manifest(models, "m") is None
    assert last_used(path) is None


def test_a_second_name_of_a_file_of_others_frees_nothing(models: Path, tmp_path: Path) -> None:
    file = tmp_path / "theirs.gguf"
    file.write_bytes(CONTENT)
    os.link(file, models / "mine.gguf")
    before = removal(models / "mine.gguf")
    assert (before.kept, before.frees, before.n_bytes) == ("hard link", 0, 5000)
    assert remove(models / "mine.gguf") == 0
    assert file.read_bytes() == CONTENT
    os.link(file, models / "mine.gguf")
    file.unlink()
    assert removal(models / "mine.gguf").kept is None
    assert remove(models / "mine.gguf") == 5000


def test_of_a_link_only_the_link_goes(models: Path, tmp_path: Path) -> None:
    file = tmp_path / "theirs.gguf"
    file.write_bytes(CONTENT)
    (models / "mine.gguf").symlink_to(file)
    before = removal(models / "mine.gguf")
    assert (before.kept, before.frees, before.elsewhere) == ("link", 0, file)
    assert remove(models / "mine.gguf") == 0
    assert file.read_bytes() == CONTENT
    (models / "lost.gguf").symlink_to(tmp_path / "nowhere")
    assert removal(models / "lost.gguf").kept == "link"
    assert remove(models / "lost.gguf") == 0


def test_what_shares_blocks_with_a_file_that_is_there(models: Path, tmp_path: Path) -> None:
    file = tmp_path / "theirs.gguf"
    file.write_bytes(CONTENT)
    done = adopt(models, file, "mine")
    if done.way != "reflink":
        manifest = models / "manifests" / "mine.json"
        manifest.write_text(manifest.read_text().replace('"hard link"', '"reflink"'))
        done.path.unlink()
        done.path.write_bytes(CONTENT)
    assert (removal(done.path).kept, removal(done.path).frees) == ("reflink", 0)
    file.unlink()
    assert (removal(done.path).kept, removal(done.path).frees) == (None, 5000)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="no /proc")
def test_who_has_it_open_is_named_and_goes_on_with_it(models: Path) -> None:
    path = models / "used.gguf"
    path.write_bytes(CONTENT)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert removal(path).users == (os.getpid(),)
        assert remove(path) == 5000
        assert mapped[:] == CONTENT


def test_a_file_with_an_odd_name_can_go_too(models: Path) -> None:
    path = models / "[odd] (1)\n\u202e.gguf"
    path.write_bytes(CONTENT)
    assert removal(path).frees == 5000
    assert remove(path) == 5000


def test_what_is_not_ours_or_is_gone(models: Path, tmp_path: Path) -> None:
    (models / "manifests").mkdir()
    for path in (tmp_path / "x.gguf", models / ".." / "x.gguf", models / "manifests" / "x.gguf", models / "x.mmproj"):
        path.write_bytes(b"x")
        for refused in (removal, remove):
            with pytest.raises(UsageError, match="not ours to delete"):
                refused(path)
        assert path.exists()
    with pytest.raises(ModelFileError, match="cannot be removed"):
        remove(models / "gone.gguf")
