"""How a whole file becomes a stored model."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from autoglm_lite.errors import StoreError, UsageError
from autoglm_lite.store.manifest import MANIFESTS, Manifest, StoredFile, read_manifest, remove_manifest
from autoglm_lite.store.publishing import publish
from autoglm_lite.store.verifying import is_as_sampled
from tests.store.full_disk import full_at

CONTENT = bytes(range(256)) * 1000
KNOWN = Manifest("model-Q4_0", StoredFile("model-Q4_0.gguf", len(CONTENT)), "fetched", source="hf:org/repo/m.gguf")


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    (folder / "partial").mkdir(parents=True)
    return folder


def whole(models: Path, content: bytes = CONTENT, name: str = "came.part") -> Path:
    path = models / "partial" / name
    path.write_bytes(content)
    return path


def test_the_model_its_manifest_and_what_sees_for_it_are_there_in_one_step(models: Path) -> None:
    seeing = whole(models, b"sees", "eyes.part")
    known = Manifest(KNOWN.name, KNOWN.file, "fetched", mmproj=StoredFile("model-Q4_0.mmproj", 4))
    path = publish(models, whole(models), known, seeing)
    assert path == models / "model-Q4_0.gguf"
    assert path.read_bytes() == CONTENT
    assert (models / "model-Q4_0.mmproj").read_bytes() == b"sees"
    assert [stat.S_IMODE(one.stat().st_mode) for one in (path, models / "model-Q4_0.mmproj")] == [0o444, 0o444]
    found = read_manifest(models, "model-Q4_0")
    assert found is not None
    assert (found.file, found.mmproj) == (known.file, known.mmproj)
    assert found.added > 0
    assert is_as_sampled(path, found.samples)
    assert list((models / "partial").iterdir()) == []


def test_one_of_that_name_before_is_replaced_and_whoever_reads_it_goes_on(models: Path) -> None:
    path = publish(models, whole(models), KNOWN)
    with path.open("rb") as reading:
        new = Manifest(KNOWN.name, StoredFile(KNOWN.file.name, 3), "fetched")
        assert publish(models, whole(models, b"new"), new).read_bytes() == b"new"
        assert reading.read() == CONTENT


def test_a_file_of_another_size_is_not_stored(models: Path) -> None:
    with pytest.raises(StoreError, match="has 5 bytes and should have 256,000"):
        publish(models, whole(models, b"short"), KNOWN)
    assert not (models / "model-Q4_0.gguf").exists()
    assert read_manifest(models, "model-Q4_0") is None


@pytest.mark.parametrize("name", ["../model", "a/b", "..", "", "nul", "x" * 300])
def test_a_name_that_cannot_be_one(models: Path, name: str) -> None:
    with pytest.raises(UsageError):
        publish(models, whole(models), Manifest(name, StoredFile(name + ".gguf", len(CONTENT)), "fetched"))


def test_a_link_is_not_taken_for_what_came(models: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(CONTENT)
    link = models / "partial" / "came.part"
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="could not be stored"):
        publish(models, link, KNOWN)
    assert stat.S_IMODE((tmp_path / "elsewhere").stat().st_mode) != 0o444


@pytest.mark.parametrize("replacing", [False, True])
def test_a_disk_that_is_full_at_each_step_in_turn_leaves_what_was_there(models: Path, replacing: bool) -> None:
    new = Manifest(KNOWN.name, StoredFile(KNOWN.file.name, 3), "fetched", source="hf:org/new/m.gguf")
    path, failed = models / KNOWN.file.name, 0
    for step in range(100):
        if replacing:
            publish(models, whole(models), KNOWN)
        came = whole(models, b"new")
        with full_at(step) as disk:
            refused = refusal(models, came, new)
        if refused:
            failed += 1
            assert "is full, so the model model-Q4_0 was not stored" in refused
            assert path.read_bytes() == CONTENT if replacing else not path.exists()
            assert came.read_bytes() == b"new"
        else:
            assert path.read_bytes() == b"new"
        found = read_manifest(models, KNOWN.name)
        expected = new.source if not refused else KNOWN.source if replacing else None
        assert (found and found.source) == expected
        assert not list((models / MANIFESTS).glob("*.new"))
        if not disk.fell:
            break
        path.unlink(missing_ok=True)
        remove_manifest(models, KNOWN.name)
    assert not disk.fell
    assert failed >= 5


def refusal(models: Path, came: Path, manifest: Manifest) -> str:
    """The sentence; empty where it went well."""
    try:
        publish(models, came, manifest)
    except StoreError as error:
        return str(error)
    return ""
