"""Each write that a full disk can cut short, in turn: a clear sentence, and what was there before is whole."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from autoglm_lite.cli import main
from autoglm_lite.store.manifest import read_manifest
from autoglm_lite.store.models import models_dir
from tests.gguf.tiny import TYPE_F32, Tensor, llama
from tests.store.full_disk import full_at
from tests.store.hub import FakeHub, serving

PAGE = 4096
OLD = llama().encode()
Said = pytest.CaptureFixture[str]


def newer() -> bytes:
    """The same model once more, and somewhat larger."""
    tiny = llama()
    tiny.tensors.append(Tensor(b"more.weight", [64, 64], TYPE_F32, bytes(64 * 64 * 4)))
    return tiny.encode()


NEW = newer()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with serving(FakeHub({"org/repo": {"m-F32.gguf": OLD}})) as found:
        for name, address in found.environ.items():
            monkeypatch.setenv(name, address)
        monkeypatch.setenv("HF_TOKEN_PATH", "/nonexistent/token")
        # The disk becomes full only once all have looked.
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10**12))
        yield found


@dataclass
class Disk:
    folder: Path

    def fill(self, pages: int) -> None:
        """Until so many are free."""
        with (self.folder / "filler").open("wb", buffering=0) as file:
            try:
                while file.write(bytes(PAGE)) == PAGE:
                    pass
            except OSError:
                file.truncate((file.tell() // PAGE - pages) * PAGE)

    def empty(self) -> None:
        (self.folder / "filler").unlink(missing_ok=True)


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """A real one of 3 MB with all that we keep on it, where this user may have one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this user may mount nothing")
    monkeypatch.setenv("AUTOGLM_LITE_HOME", str(folder / "home"))
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def check(code: int, old: bytes | None, new: bytes, said: str) -> bool:
    """Whether it is done; what is there has to be whole, and belong to its manifest."""
    path = models_dir() / "m-F32.gguf"
    content = path.read_bytes() if path.exists() else None
    known = read_manifest(models_dir(), "m-F32") if models_dir().exists() else None
    if code == 0:
        assert content == new
    else:
        assert code == 1
        assert content in (old, new)
        assert any(words in said for words in ("is full", "too little room", "became full")), said
        assert "Traceback" not in said
    if content is not None and known is not None:
        assert known.file.n_bytes == len(content)
    assert not list(models_dir().glob("*.new"))
    return code == 0


@pytest.mark.slow
@pytest.mark.parametrize("replacing", [False, True])
def test_a_real_disk_that_is_full_at_any_page_of_a_pull(
    disk: Disk, hub: FakeHub, replacing: bool, capsys: Said
) -> None:
    models, failed, pages = models_dir(), 0, 0
    while True:
        disk.empty()
        shutil.rmtree(models, ignore_errors=True)
        hub.repositories["org/repo"]["m-F32.gguf"] = OLD
        if replacing:
            assert main(["pull", "--yes", "hf:org/repo"]) == 0
            hub.repositories["org/repo"]["m-F32.gguf"] = NEW
        disk.fill(pages)
        capsys.readouterr()
        code = main(["pull", "--yes", "hf:org/repo"])
        if check(code, OLD if replacing else None, NEW if replacing else OLD, capsys.readouterr().err):
            break
        failed += 1
        # With room again the same command goes on from there.
        if pages % 8 == 0:
            disk.empty()
            assert main(["pull", "--yes", "hf:org/repo"]) == 0
            assert (models / "m-F32.gguf").read_bytes() == (NEW if replacing else OLD)
        pages += 1 if pages < 12 or pages * PAGE > len(OLD) - PAGE else 5
    assert failed > 5


def test_a_real_disk_that_is_full_while_a_model_is_imported_and_used(disk: Disk, capsys: Said) -> None:
    file = disk.folder / "theirs.gguf"
    file.write_bytes(OLD)
    pages, failed = 0, 0
    while True:
        disk.empty()
        shutil.rmtree(models_dir(), ignore_errors=True)
        disk.fill(pages)
        capsys.readouterr()
        code = main(["models", "import", str(file), "--name", "m-F32"])
        if check(code, None, OLD, capsys.readouterr().err):
            break
        assert file.read_bytes() == OLD
        pages, failed = pages + 1, failed + 1
    assert failed > 0
    disk.fill(0)
    for arguments in (["list"], ["show", "m-F32"], ["verify"], ["gc", "--yes"], ["rm", "--yes", "m-F32"]):
        assert main(["models", *arguments]) == 0, arguments
    assert file.read_bytes() == OLD


@pytest.mark.slow
def test_any_call_of_a_pull_that_needs_room(hub: FakeHub, capsys: Said) -> None:
    step, failed = 0, 0
    while True:
        shutil.rmtree(models_dir(), ignore_errors=True)
        hub.repositories["org/repo"]["m-F32.gguf"] = OLD
        assert main(["pull", "--yes", "hf:org/repo"]) == 0
        hub.repositories["org/repo"]["m-F32.gguf"] = NEW
        capsys.readouterr()
        with full_at(step) as full:
            code = main(["pull", "--yes", "hf:org/repo"])
        if not check(code, OLD, NEW, capsys.readouterr().err):
            failed += 1
        if not full.fell:
            break
        step += 1
    assert code == 0
    assert failed > 5
