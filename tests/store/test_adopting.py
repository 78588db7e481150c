"""Files of others as stored models, without a copy."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from autoglm_lite.errors import StoreError, UsageError
from autoglm_lite.store import adopting
from autoglm_lite.store.adopting import adopt, renew
from autoglm_lite.store.manifest import read_manifest
from autoglm_lite.store.verifying import is_as_sampled
from tests.store.full_disk import full_at

CONTENT = bytes(range(256)) * 500


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "others" / "Some Model (1).gguf"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    path.chmod(0o640)
    return path


@pytest.fixture
def no_reflinks(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "ioctl", refuse)


@pytest.mark.usefixtures("no_reflinks")
def test_on_the_same_disk_it_is_a_second_name_and_stays_when_the_first_goes(models: Path, file: Path) -> None:
    done = adopt(models, file, source="ollama:some:1b", sha256="ab", licence="mit")
    assert (done.path, done.way, done.n_bytes) == (models / "Some-Model-1.gguf", "hard link", len(CONTENT))
    assert done.path.samefile(file)
    # The mode is the other program's too.
    assert file.stat().st_mode & 0o777 == 0o640
    found = read_manifest(models, "Some-Model-1")
    assert found is not None
    assert (found.way, found.source, found.file.sha256, found.licence) == ("hard link", "ollama:some:1b", "ab", "mit")
    file.unlink()
    assert done.path.read_bytes() == CONTENT
    assert is_as_sampled(done.path, found.samples)
    assert sorted(path.name for path in models.iterdir()) == ["Some-Model-1.gguf", "locks", "manifests"]


def test_where_files_can_share_blocks_it_does_and_is_a_file_of_its_own(
    models: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def share(new: int, request: int, old: int) -> None:
        assert request == 0x40049409
        os.write(new, os.pread(old, 1 << 20, 0))

    monkeypatch.setattr(fcntl, "ioctl", share)
    done = adopt(models, file, "other")
    assert done.way == "reflink"
    assert done.path.stat().st_mode & 0o777 == 0o444
    file.write_bytes(b"changed")
    assert done.path.read_bytes() == CONTENT


@pytest.mark.usefixtures("no_reflinks")
def test_what_belongs_to_another_user_is_only_linked_to(
    models: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    done = adopt(models, file, "other")
    assert (done.way, done.why) == ("link", "it belongs to another user")
    assert done.path.readlink() == file


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no other file system")
def test_what_lies_on_another_disk_is_only_linked_to(models: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        file = Path(folder) / "far.gguf"
        file.write_bytes(CONTENT)
        done = adopt(models, file)
        assert (done.way, done.why) == ("link", "it lies on another disk")
        assert done.path.readlink() == file
        assert done.path.read_bytes() == CONTENT


@pytest.mark.usefixtures("no_reflinks")
def test_a_link_is_followed_to_the_file_and_its_name_kept(models: Path, file: Path, tmp_path: Path) -> None:
    blob = tmp_path / "blob"
    file.rename(blob)
    file.symlink_to(blob)
    done = adopt(models, file)
    assert (done.path.name, done.file) == ("Some-Model-1.gguf", blob)
    assert not done.path.is_symlink()


def test_what_cannot_be_done_is_said_and_changes_nothing(models: Path, file: Path, tmp_path: Path) -> None:
    first = adopt(models, file, "first")
    with pytest.raises(StoreError, match="is stored already, as the model first"):
        adopt(models, first.path, "second")
    other = tmp_path / "other.gguf"
    other.write_bytes(b"other")
    with pytest.raises(StoreError, match="Another model is called first already"):
        adopt(models, other, "first")
    (models / "lost.gguf").symlink_to("/nowhere")
    with pytest.raises(StoreError, match="Another model is called lost"):
        adopt(models, other, "lost")
    with pytest.raises(StoreError, match=r"cannot be read \(No such file"):
        adopt(models, tmp_path / "none.gguf")
    with pytest.raises(StoreError, match="is no file"):
        adopt(models, tmp_path)
    with pytest.raises(UsageError, match="cannot be a name"):
        adopt(models, other, "../out")
    assert first.path.read_bytes() == CONTENT
    assert sorted(path.name for path in models.glob("*.gguf")) == ["first.gguf", "lost.gguf"]


def test_a_disk_that_is_full_at_each_step_in_turn(models: Path, file: Path) -> None:
    failed = 0
    for step in range(100):
        refused = ""
        with full_at(step) as disk:
            try:
                done = adopt(models, file, "new")
            except StoreError as error:
                refused = str(error)
        assert file.read_bytes() == CONTENT
        if refused:
            failed += 1
            assert "is full, so the model new was not stored" in refused
            assert list(models.rglob("new*")) == [] or list(models.rglob("new*")) == [models / "locks" / "new.lock"]
        else:
            assert done.path.read_bytes() == CONTENT
            shutil.rmtree(models)
        if not disk.fell:
            break
    assert not disk.fell
    assert failed >= 4


def test_what_the_user_changed_in_the_folder_is_good_as_it_is(models: Path, file: Path) -> None:
    done = adopt(models, file, "new", sha256="ab")
    done.path.unlink()
    done.path.write_bytes(b"changed")
    renew(models, done.path)
    found = read_manifest(models, "new")
    assert found is not None
    assert (found.way, found.file.n_bytes, found.file.sha256) == ("found", 7, None)
    assert is_as_sampled(done.path, found.samples)
    assert adopting.renewed(models, models / "(odd).gguf") is None
