"""A model that the app was told to get."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoglm_lite.errors import UsageError
from autoglm_lite.store import stored_models
from autoglm_lite.store.download import PARTIAL, Download, Speed, parts, remove_part
from autoglm_lite.store.download.turn import Turn
from autoglm_lite.store.hub.failures import DownloadError
from autoglm_lite.store.manifest import StoredFile, read_manifest
from autoglm_lite.store.models import models_dir
from autoglm_lite.store.wanted import Wanted
from tests.store.download.driving import CONTENT, FILE, NAME, QUICK, REPO, sha256
from tests.store.hub import FakeHub

WANTED = Wanted(f"hf:{REPO}/{FILE}", NAME, "A Model", 390_000)


@pytest.fixture
def models() -> Path:
    folder = models_dir()
    folder.mkdir(parents=True)
    return folder


def test_it_becomes_a_stored_model_with_what_is_known_of_it(hub: FakeHub, models: Path) -> None:
    download = Download(WANTED, models, hub.environ, QUICK)
    assert download.progress.total == 390_000
    assert download.run() == models / NAME
    assert stored_models() == [models / NAME]
    assert (models / NAME).read_bytes() == CONTENT
    manifest = read_manifest(models, "model-Q4_0")
    assert manifest is not None
    assert (manifest.source, manifest.way) == (WANTED.reference, "fetched")
    assert manifest.file == StoredFile(NAME, len(CONTENT), sha256(CONTENT))
    assert manifest.samples
    assert download.progress.done == download.progress.total == len(CONTENT)


def test_what_stopped_is_listed_gone_on_with_and_can_be_thrown_away(hub: FakeHub, models: Path) -> None:
    hub.faults = ["slow", "cut", *["503"] * 9]
    with pytest.raises(DownloadError, match="what came is kept"):
        Download(WANTED, models, hub.environ, QUICK).run()
    assert stored_models() == []
    (part,) = parts(models)
    assert (part.wanted, part.total) == (WANTED, len(CONTENT))
    assert 0 < part.done < part.total
    turn = Turn(models / PARTIAL / f"{NAME}.lock")
    assert turn.take()
    remove_part(models, NAME)
    assert parts(models) == [part]
    turn.give_back()
    remove_part(models, NAME)
    assert parts(models) == []
    assert list((models / PARTIAL).iterdir()) == []


def test_nothing_comes_that_cannot_be_checked(hub: FakeHub, models: Path) -> None:
    hub.faults = ["hub silent"]
    with pytest.raises(DownloadError) as caught:
        Download(WANTED, models, hub.environ, QUICK).run()
    assert caught.value.kind == "unchecked"


@pytest.mark.parametrize(
    "name",
    ["../a.gguf", "a/b.gguf", "a\\b.gguf", ".gguf", "..gguf", ".a.gguf", "a", "a.bin", "a\0.gguf", "a\n.gguf", ""],
)
def test_no_name_leads_out_of_the_folder(models: Path, name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name"):
        Download(Wanted("hf:a/b/c.gguf", name, "", 1), models, {})
    with pytest.raises(ValueError, match="cannot be the name"):
        remove_part(models, name)


@pytest.mark.parametrize(
    "reference", ["hf:a/b", "hf:a", "a/b/c", "hf:../b/c.gguf", "hf:a/b/../c.gguf", "hf:a/b//c", "https://a/b/c", ""]
)
def test_no_reference_leads_elsewhere(models: Path, reference: str) -> None:
    with pytest.raises(UsageError, match=r"repository|no file of a hub"):
        Download(Wanted(reference, "a.gguf", "", 1), models, {})


@pytest.mark.parametrize("address", ["hub", "ftp://a", "file:///etc", "http://"])
def test_an_endpoint_that_is_no_address(models: Path, address: str) -> None:
    with pytest.raises(UsageError, match="HF_ENDPOINT"):
        Download(WANTED, models, {"HF_ENDPOINT": address})


def test_what_is_no_part_is_passed_over(models: Path) -> None:
    (models / PARTIAL).mkdir()
    for name, text in (("a.gguf.json", "{}"), ("b.gguf.json", "nonsense"), ("c.json", "[]")):
        (models / PARTIAL / name).write_text(text)
        (models / PARTIAL / name.replace(".json", ".part")).write_text("x")
    assert parts(models) == []


def test_the_speed_is_that_of_the_last_seconds() -> None:
    speed = Speed()
    assert speed.count(0, 0.0) is None
    assert speed.count(1000, 1.0) == 1000
    for second in range(2, 20):
        found = speed.count(1000, float(second))
    assert found == 0
