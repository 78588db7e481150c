"""What is known of a model beside its bytes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autoglm_lite.store.manifest import MANIFESTS, Manifest, StoredFile, read_manifest, remove_manifest, write_manifest

WHOLE = Manifest(
    "model-Q4_0",
    StoredFile("model-Q4_0.gguf", 7, "ab" * 32),
    "fetched",
    mmproj=StoredFile("model-Q4_0.mmproj", 3),
    source="hf:org/repo/model-Q4_0.gguf",
    licence="mit",
    samples=((0, "cd"), (4, "ef")),
)


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    write_manifest(tmp_path, WHOLE)
    assert read_manifest(tmp_path, "model-Q4_0") == WHOLE
    assert [path.name for path in (tmp_path / MANIFESTS).iterdir()] == ["model-Q4_0.json"]
    remove_manifest(tmp_path, "model-Q4_0")
    assert read_manifest(tmp_path, "model-Q4_0") is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"name": "a"}', '{"name": 1, "file": 2}', "[" * 99_999, "\xff"])
def test_one_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    write_manifest(tmp_path, WHOLE)
    (tmp_path / MANIFESTS / "model-Q4_0.json").write_text(text, encoding="latin-1")
    assert read_manifest(tmp_path, "model-Q4_0") is None


def test_one_that_points_elsewhere_is_none(tmp_path: Path) -> None:
    write_manifest(tmp_path, WHOLE)
    path = tmp_path / MANIFESTS / "model-Q4_0.json"
    known = json.loads(path.read_text())
    known["file"]["name"] = "../../etc/passwd"
    path.write_text(json.dumps(known))
    assert read_manifest(tmp_path, "model-Q4_0") is None
    path.unlink()
    path.symlink_to("/etc/passwd")
    assert read_manifest(tmp_path, "model-Q4_0") is None


@pytest.mark.parametrize(
    ("key", "value"),
    [("source", 5), ("licence", ["mit"]), ("added", "now"), ("way", "stolen"), ("samples", [[1]]), ("mmproj", "x")],
)
def test_one_with_a_value_of_another_kind_is_none(tmp_path: Path, key: str, value: object) -> None:
    write_manifest(tmp_path, WHOLE)
    path = tmp_path / MANIFESTS / "model-Q4_0.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    assert read_manifest(tmp_path, "model-Q4_0") is None


def test_what_a_later_version_adds_is_passed_over(tmp_path: Path) -> None:
    write_manifest(tmp_path, WHOLE)
    path = tmp_path / MANIFESTS / "model-Q4_0.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "mood": "good"}))
    assert read_manifest(tmp_path, "model-Q4_0") == WHOLE
