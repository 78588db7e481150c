"""`autoglm-lite models`, as a person uses it."""

from __future__ import annotations

import io
import json
import os
import shutil
from pathlib import Path

import pytest

from autoglm_lite.cli import main
from autoglm_lite.remote.client import Offered
from autoglm_lite.store.loading import noted_and_checked
from autoglm_lite.store.manifest import read_manifest
from autoglm_lite.store.models import models_dir, starter_path
from autoglm_lite.store.using import note_use
from tests.conftest import STORIES
from tests.gguf.splitting import merged, split, write_parts
from tests.gguf.tiny import llama

Said = pytest.CaptureFixture[str]


@pytest.fixture
def models() -> Path:
    folder = models_dir()
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A real model somewhere on this disk."""
    path = tmp_path / "Downloads" / "启动 模型-Q8_0.gguf"
    path.parent.mkdir()
    shutil.copyfile(starter_path(), path)
    return path


def test_where_nothing_is_stored_it_says_what_to_do(capsys: Said) -> None:
    assert main(["models"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"No model is stored in {models_dir()} yet. `autoglm-lite models recommend`")
    assert main(["models", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["models"] == []
    assert main(["models", "verify"]) == 0
    assert main(["models", "gc"]) == 0
    assert "Nothing was left behind" in capsys.readouterr().out
    assert not models_dir().exists()


def test_a_model_is_imported_listed_shown_verified_and_removed(file: Path, capsys: Said) -> None:
    assert main(["models", "import", str(file)]) == 0
    assert capsys.readouterr().out.startswith("启动-模型-Q8_0 is stored: it ")
    assert main(["models"]) == 0
    title, row, blank, total = capsys.readouterr().out.splitlines()
    assert title.split() == ["NAME", "FAMILY", "PARAMS", "TYPE", "SIZE", "CONTEXT", "FITS", "LAST", "USED"]
    assert row.split() == ["启动-模型-Q8_0", "llama", "4M", "Q8_0", "4", "MB", "1,024", "yes", "never"]
    assert (blank, total.split(",")[0]) == ("", "1 model")
    assert main(["models", "show", "启动-模型-Q8_0"]) == 0
    shown = capsys.readouterr().out
    for words in ("autoglm-lite starter, for chat", "Fits: ", f"{file}, today", "Chat template", "<|im_start|>"):
        assert words in shown
    assert main(["models", "verify"]) == 0
    assert capsys.readouterr().out == ("启动-模型-Q8_0: its checksum was not known; it is kept for the next time.\n")
    note_use(models_dir() / "启动-模型-Q8_0.gguf")
    assert main(["models", "show", "启动-模型-Q8_0", "--json"]) == 0
    known = json.loads(capsys.readouterr().out)
    assert (known["source"], known["type"], known["plan"]["verdict"]) == (str(file), "Q8_0", "fits")
    assert len(known["sha256"]) == 64
    assert known["last_used"]
    assert main(["models", "verify", "启动-模型-Q8_0", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["models"][0]["result"] == "good"
    assert main(["models", "rm", "启动-模型-Q8_0.gguf", "--yes"]) == 0
    said = capsys.readouterr()
    assert f"({file})" in said.err or str(file) in said.err
    assert said.out == "Removed 启动-模型-Q8_0: that freed nothing of the disk.\n"
    assert file.stat().st_size == starter_path().stat().st_size
    assert read_manifest(models_dir(), "启动-模型-Q8_0") is None


def test_damage_is_found_and_what_to_do_is_said(file: Path, capsys: Said) -> None:
    assert main(["models", "import", str(file), "--name", "my model"]) == 0
    path = models_dir() / "my model.gguf"
    assert main(["models", "verify"]) == 0
    content = bytearray(path.read_bytes())
    content[len(content) // 2 + 1] ^= 1
    path.unlink()
    path.write_bytes(content)
    capsys.readouterr()
    assert main(["models", "verify"]) == 1
    said = capsys.readouterr().out
    assert said.startswith(f"my model: damaged, its bytes have changed. It came from {file}: mend or replace")
    assert said.endswith(f"If you changed it yourself: `autoglm-lite models import '{path}'`.\n")
    path.write_bytes(content + b"x")
    assert main(["models", "verify", "my model", "--json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)["models"]
    assert (found["result"], found["sha256"]) == ("damaged", None)
    assert "it has 3,920,641 bytes and had 3,920,640 when it was stored" in found["problem"]
    path.write_bytes(content)
    assert main(["models", "import", str(path)]) == 0
    assert capsys.readouterr().out == "my model is stored as it is now.\n"
    assert main(["models", "verify"]) == main(["models", "verify"]) == 0
    assert capsys.readouterr().out.endswith("my model: good.\n")


def test_damaged_files_and_odd_names_are_rows_with_a_sentence(models: Path, capsys: Said) -> None:
    llama().write(models / "good.gguf")
    (models / "cut.gguf").write_bytes(starter_path().read_bytes()[:5000])
    (models / "text\x1b[2J\n.gguf").write_text("text")
    (models / "lost.gguf").symlink_to("/nowhere/x.gguf")
    (models / os.fsdecode(b"\xff.gguf")).write_bytes(b"")
    (models / "circle.gguf").symlink_to(models / "circle.gguf")
    (models / "folder.gguf").mkdir()
    (models / "seeing.mmproj").write_bytes(b"x")
    assert main(["models"]) == 0
    said = capsys.readouterr().out
    rows = said.splitlines()
    assert len(rows) == 1 + 6 + 5 + 2
    assert sum("damaged" in row for row in rows[:7]) == 5
    assert "lost: It lies at /nowhere/x.gguf, and nothing is there: `models rm` removes the link." in rows
    assert "\x1b" not in said
    assert "mmproj" not in said
    assert main(["models", "list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["models"]
    assert [one["verdict"] for one in found if not one["problem"]] == ["fits"]
    names = [one["name"] for one in found]
    assert main(["models", "rm", "--yes", *names]) == 0
    assert sorted(path.name for path in models.iterdir()) == ["folder.gguf", "locks", "seeing.mmproj"]


def test_what_the_service_has_in_memory_is_called_loaded(
    models: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        llama().write(models / f"{name}.gguf")
    running = [Offered("one", 4096, 1), Offered("two", None, 1)]
    monkeypatch.setattr("autoglm_lite.commands.backend.served", lambda _: running)
    assert main(["models"]) == 0
    _, one, two, *_ = capsys.readouterr().out.splitlines()
    assert ("loaded" in one, "loaded" in two) == (True, False)
    assert main(["models", "--json"]) == 0
    assert [row["in_memory"] for row in json.loads(capsys.readouterr().out)["models"]] == [True, False]


def test_in_a_narrow_terminal_no_line_is_too_long(models: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    llama().write(models / "智谱清言-a-rather-long-name-of-a-model-Q4_K_M.gguf")
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert main(["models"]) == 0
    title, row, *_ = capsys.readouterr().out.splitlines()
    assert title.split() == ["NAME", "TYPE", "SIZE", "FITS"]
    assert row.endswith("yes")
    assert "…" in row


def test_it_asks_before_anything_is_gone(models: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    path = llama().write(models / "m.gguf")
    assert main(["models", "rm", "m"]) == 2
    assert "Nobody is here to answer: add --yes" in capsys.readouterr().err
    for answer, is_there in (("n\n", True), ("", True), ("what\n", True), ("y\n", False)):
        terminal = io.StringIO(answer)
        monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
        with monkeypatch.context() as patched:
            patched.setattr("sys.stdin", terminal)
            patched.setattr("sys.stderr.isatty", lambda: True, raising=False)
            assert main(["models", "rm", "m"]) == 0
        assert path.exists() == is_there
    assert "Remove it? [y/N] " in capsys.readouterr().err


@pytest.mark.parametrize("action", ["show", "rm", "verify"])
@pytest.mark.parametrize("name", ["none", "../models/m", "/etc/passwd", "", ".", "..", "a\0b", "x" * 300])
def test_a_name_that_no_stored_model_has(models: Path, action: str, name: str, capsys: Said) -> None:
    llama().write(models / "m.gguf")
    assert main(["models", action, *(["--yes"] if action == "rm" else []), name]) == 1
    said = capsys.readouterr().err
    assert "No stored model is called " in said
    assert "(stored are m)" in said


@pytest.mark.parametrize("arguments", [["import"], ["import", "/none"], ["import", "README.md"], ["fly"], ["rm"]])
def test_what_makes_no_sense_is_one_sentence(arguments: list[str], capsys: Said) -> None:
    try:
        code = main(["models", *arguments])
    except SystemExit as ended:
        code = int(str(ended.code))
    assert code in (1, 2)
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert not models_dir().exists()


def test_the_parts_of_a_split_model_are_joined_once_that_was_agreed_to(tmp_path: Path, capsys: Said) -> None:
    tiny = llama()
    whole, n_tensors = tiny.encode(), len(tiny.tensors)
    parts = write_parts(tmp_path, "my model", split(whole, [3, n_tensors - 3]))
    seeing = tmp_path / "seeing.gguf"
    seeing.write_bytes(b"sees")
    assert main(["models", "import", str(parts[1])]) == 2
    assert "comes in 2 parts, and only one file can be loaded. Joining them writes" in capsys.readouterr().err
    assert not models_dir().exists()
    assert main(["models", "import", str(parts[1]), "--yes", "--mmproj", str(seeing)]) == 0
    assert capsys.readouterr().out.startswith("my-model is stored, in one file. The parts beside ")
    path = models_dir() / "my-model.gguf"
    assert path.read_bytes() == merged(whole)
    known = read_manifest(models_dir(), "my-model")
    assert known is not None
    assert (known.way, known.source) == ("joined", str(parts[0]))
    assert known.mmproj is not None
    assert (models_dir() / "my-model.mmproj").samefile(seeing)
    assert all(part.exists() for part in parts)
    assert list((models_dir() / "partial").iterdir()) == []
    assert main(["models", "import", str(parts[0]), "--yes"]) == 1
    assert "Another model is called my-model already" in capsys.readouterr().err
    parts[1].unlink()
    assert main(["models", "import", str(parts[0]), "--yes", "--name=other"]) == 1
    assert "my model-00002-of-00002.gguf is not in" in capsys.readouterr().err
    assert main(["models", "rm", "--yes", "my-model"]) == 0
    assert seeing.read_bytes() == b"sees"
    assert sorted(one.name for one in models_dir().iterdir()) == ["locks", "manifests", "partial"]


def test_using_a_model_is_noted_and_damage_is_said_where_it_is_loaded(file: Path, capsys: Said) -> None:
    assert main(["models", "import", str(file), "--name=mine"]) == 0
    path = models_dir() / "mine.gguf"
    known = read_manifest(models_dir(), "mine")
    assert known is not None
    content = bytearray(path.read_bytes())
    content[known.samples[20][0] + 9] ^= 1
    path.unlink()
    path.write_bytes(content)
    capsys.readouterr()
    assert main(["chat", "mine", "-p", "hello", "--max-tokens", "2"]) == 0
    said = capsys.readouterr()
    assert said.out
    assert "The file of the model mine is not what was stored, so its answers may be wrong" in said.err
    assert main(["models"]) == 0
    assert "today" in capsys.readouterr().out


def test_what_was_left_behind_is_named_and_goes_once_that_was_agreed_to(models: Path, capsys: Said) -> None:
    assert main(["models", "gc"]) == 0
    (models / "partial").mkdir()
    (models / "manifests").mkdir()
    for path in (models / "partial" / "old.gguf.part", models / "manifests" / "gone.json"):
        path.write_bytes(bytes(2_000_000))
        os.utime(path, (1e9, 1e9))
    assert main(["models", "gc"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("old.gguf.part: a download or conversion that nobody went on with, 2 MB, ")
    assert said[1].startswith("gone.json: what was known of a model that is gone, 2 MB, ")
    assert said[2] == "autoglm-lite: Remove all of that, 4 MB? Nobody is here to answer: add --yes."
    assert main(["models", "gc", "--yes", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [Path(path).name for path in told["removed"]] == ["old.gguf.part", "gone.json"]
    assert told["freed_bytes"] >= 4_000_000
    assert [path for path in models.rglob("*") if path.is_file()] == []


def test_what_is_converted_into_the_folder_is_known_and_replaces_what_was_known(models: Path, capsys: Said) -> None:
    for number, (name, kind) in enumerate((("m", "F16"), ("m", "F32"), ("odd (1)", "F16"))):
        out = models / f"{name}.gguf"
        assert main(["convert", str(STORIES), "-o", str(out), "--type", kind]) == 0
        assert main(["models", "verify", name]) == 0
        assert "damaged" not in capsys.readouterr().out
        assert noted_and_checked(out) is None
        if number < 2:
            known = read_manifest(models, "m")
            assert known is not None
            assert (known.way, known.source) == ("converted", str(STORIES))
    assert sorted(path.name for path in models.iterdir()) == ["locks", "m.gguf", "manifests", "odd (1).gguf"]
