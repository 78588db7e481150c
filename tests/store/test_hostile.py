"""Names and links that would lead out of the store: refused, and nothing outside of it is touched."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoglm_lite.cli import main
from autoglm_lite.commands.ordering import of_hub, of_web, reference_of
from autoglm_lite.errors import AutoglmError, ModelFileError, UsageError
from autoglm_lite.store.adopting import adopt
from autoglm_lite.store.hub.access import read_access
from autoglm_lite.store.hub.client import Client
from autoglm_lite.store.hub.listing import repository
from autoglm_lite.store.loading import noted_and_checked
from autoglm_lite.store.manifest import Manifest, StoredFile, read_manifest, write_manifest
from autoglm_lite.store.models import models_dir, starter_path, stored
from autoglm_lite.store.place import check, place
from autoglm_lite.store.reference import HubReference, WebReference
from autoglm_lite.store.removing import remove
from tests.gguf.tiny import llama
from tests.store.hostile import hostile_names, tree
from tests.store.hub import FakeHub, serving

NAMES = hostile_names()
MODEL = llama().encode()
CODE = ("run.py", "pytorch_model.bin", "weights.pkl", "all.zip", "all.tar.gz", "model.pt", "setup.sh", "a.gguf.exe")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Where nothing may happen: files with the names that are asked for, and the current folder."""
    folder = tmp_path / "outside"
    (folder / "here").mkdir(parents=True)
    for name in ("x", "x.gguf", "x.mmproj", "x.json", "here/x.gguf", "passwd"):
        (folder / name).write_bytes(b"precious")
    return folder


@pytest.fixture
def models(outside: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(outside / "here")
    folder = models_dir()
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with serving(FakeHub()) as found:
        for name, address in found.environ.items():
            monkeypatch.setenv(name, address)
        monkeypatch.setenv("HF_TOKEN_PATH", "/nonexistent/token")
        yield found


def refused(*arguments: str) -> None:
    try:
        code = main(list(arguments))
    except SystemExit as ended:
        code = int(str(ended.code))
    assert code in (1, 2), arguments


def pulled(text: str, models: Path) -> None:
    """What `pull` does before it fetches. Raises AutoglmError."""
    client = Client(read_access(os.environ))
    reference = reference_of(text)
    if isinstance(reference, HubReference):
        of_hub(reference, repository(reference, client), client, models)
    elif isinstance(reference, WebReference):
        of_web(reference, client, models)


def test_there_are_enough_of_them() -> None:
    assert len(NAMES) >= 200


def test_none_of_them_can_be_a_name(models: Path) -> None:
    for name in NAMES:
        for one in (name, name + ".gguf") if name not in ("a.", "a ", "..", "...") else (name,):
            if one in ("a.gguf",):
                continue
            with pytest.raises(UsageError):
                place(models, one)
            with pytest.raises(UsageError):
                read_manifest(models, one)
            with pytest.raises(UsageError):
                write_manifest(models, Manifest(one, StoredFile("m.gguf", 1), "fetched"))
    assert list(models.iterdir()) == []


def test_as_references_and_names_of_models(models: Path, outside: Path, hub: FakeHub) -> None:
    hub.repositories["org/repo"] = {"good-Q8_0.gguf": MODEL}
    good = models / "good.gguf"
    good.write_bytes(MODEL)
    before = tree(outside, models)
    prefixes = ("hf:org/repo/", f"{hub.url}/org/repo/resolve/main/", "ms:org/repo/", "hf:org/")
    for number, name in enumerate(NAMES):
        with pytest.raises(ModelFileError, match="No stored model is called"):
            stored(name)
        if name:
            with pytest.raises(UsageError, match="cannot be a name"):
                adopt(models, starter_path(), name)
        if number % 4 == 0:
            refused("pull", "--yes", f"{prefixes[number // 4 % 4]}{name}.gguf")
        else:
            with pytest.raises(AutoglmError):
                pulled(f"{prefixes[number % 4]}{name}.gguf", models)
    for name in NAMES[::20]:
        for arguments in (["show"], ["verify"], ["rm", "--yes"]):
            refused("models", *arguments, "--", name)
    now = tree(outside, models)
    for path in (models / "locks", models / "partial"):
        for known in tree(path) if path.exists() else ():
            now.pop(known)
    before.pop(str(models))
    now.pop(str(models))
    assert now == before


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["hf", "ms"])
def test_as_files_of_a_repository(models: Path, outside: Path, hub: FakeHub, kind: str) -> None:
    files = {f"{name}.gguf": MODEL for name in NAMES if name}
    hub.repositories["org/repo"] = {**files, "plain-Q8_0.gguf": MODEL}
    before = tree(outside)
    assert main(["pull", "--yes", f"{kind}:org/repo/plain-Q8_0.gguf"]) == 0
    main(["pull", "--yes", f"{kind}:org/repo"])
    assert tree(outside) == before
    for path in models.rglob("*"):
        assert check(path.name) == path.name
        assert not path.is_symlink()
    assert (models / "plain-Q8_0.gguf").read_bytes() == MODEL


def test_as_names_in_manifests(models: Path, outside: Path) -> None:
    before = tree(outside)
    (models / "manifests").mkdir()
    for number, name in enumerate(NAMES):
        path = models / "good.gguf"
        path.write_bytes(MODEL)
        known = {"name": "good", "file": {"name": "good.gguf", "n_bytes": len(MODEL)}, "way": "fetched"}
        change = number % 3
        if change == 0:
            known["name"] = name
        elif change == 1:
            known["file"] = {"name": name + ".gguf", "n_bytes": len(MODEL)}
        else:
            known["mmproj"] = {"name": name + ".mmproj", "n_bytes": 8}
        (models / "manifests" / "good.json").write_text(json.dumps(known))
        assert read_manifest(models, "good") is None
        assert noted_and_checked(path) is None
        if number % 20 == 0:
            assert main(["models", "show", "good", "--json"]) == main(["models", "verify", "good"]) == 0
            assert main(["models", "rm", "--yes", "good"]) == main(["models", "gc", "--yes"]) == 0
        else:
            remove(path)
        assert not path.exists()
    assert tree(outside) == before


@pytest.mark.parametrize("folder", ["manifests", "partial", "locks"])
def test_a_link_in_place_of_a_folder(
    models: Path, outside: Path, hub: FakeHub, folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.repositories["org/repo"] = {"good-Q8_0.gguf": MODEL}
    (models / folder).symlink_to(outside)
    before = tree(outside)
    refused("pull", "--yes", "hf:org/repo")
    assert "is a link and not a folder" in capsys.readouterr().err
    (models / "x.gguf").write_bytes(MODEL)
    for arguments in (["list"], ["show", "x"], ["verify"], ["gc", "--yes"], ["rm", "--yes", "x"]):
        main(["models", *arguments])
    main(["models", "import", str(starter_path())])
    assert tree(outside) == before


def test_links_in_place_of_files(models: Path, outside: Path, hub: FakeHub) -> None:
    hub.repositories["org/repo"] = {"good-Q8_0.gguf": MODEL}
    pid = os.getpid()
    for folder in ("manifests", "partial", "locks"):
        (models / folder).mkdir()
    planted = [
        *("manifests/good-Q8_0.json", f"manifests/good-Q8_0.json.{pid}.new", "locks/good-Q8_0.lock"),
        *("locks/good-Q8_0.pull.lock", "partial/good-Q8_0", f"starter.{pid}.gguf.new", "good-Q8_0.mmproj"),
        *("good-Q8_0.gguf", "x.gguf", "manifests/x.json", "locks/x.lock"),
    ]
    targets = (outside / "x", outside / "nothing", outside, outside / "x.json")
    before = tree(outside)
    for target in targets:
        for name in planted:
            (models / name).unlink(missing_ok=True)
            (models / name).symlink_to(target)
        for arguments in (
            ["pull", "--yes", "hf:org/repo"],
            ["models", "import", str(starter_path())],
            ["models", "verify"],
            ["models", "list"],
            ["models", "show", "x"],
            ["models", "rm", "--yes", "x"],
            ["models", "gc", "--yes"],
        ):
            main(arguments)
            assert tree(outside) == before, (target, arguments)


@pytest.mark.parametrize("kind", ["hf", "ms"])
def test_of_a_repository_with_code_nothing_but_the_model_comes(models: Path, hub: FakeHub, kind: str) -> None:
    hub.repositories["org/repo"] = {**dict.fromkeys(CODE, b"canary"), "good-Q8_0.gguf": MODEL, "README.md": b"canary"}
    assert main(["pull", "--yes", f"{kind}:org/repo"]) == 0
    assert {one.file for one in hub.asked if one.file} == {"org/repo/good-Q8_0.gguf"}
    for name in CODE:
        refused("pull", "--yes", f"{kind}:org/repo/{name}")
        refused("pull", "--yes", f"{hub.url}/org/repo/resolve/main/{name}")
    assert set(hub.given) == {"org/repo/good-Q8_0.gguf"}
    shutil.rmtree(models / "locks")
    assert sorted(str(path.relative_to(models)) for path in models.rglob("*")) == [
        "good-Q8_0.gguf",
        "manifests",
        "manifests/good-Q8_0.json",
        "partial",
    ]
