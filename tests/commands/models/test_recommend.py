"""`autoglm-lite models recommend`: what suits the machine, in the user's language, with the command that gets it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from autoglm_lite.cli import main
from autoglm_lite.commands import bandwidth
from autoglm_lite.commands.proposals import ALIKE, MOST, MOST_ALIKE
from autoglm_lite.commands.remembered import remember
from autoglm_lite.hardware.machine import read_machine
from autoglm_lite.paths import config_dir
from autoglm_lite.profiles.models import LEAST_SPEED, read_models
from autoglm_lite.profiles.named import known_reference
from autoglm_lite.store.manifest import Manifest, StoredFile, write_manifest
from autoglm_lite.store.models import models_dir
from tests.store.others import trees

Said = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def speed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten gigabytes a second, as an old laptop; in English."""
    remember(bandwidth.FILE, str(read_machine().physical_cores), 10e9)
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def found(capsys: Said, *arguments: str) -> list[dict[str, object]]:
    assert main(["models", "recommend", "--json", *arguments]) == 0
    rows: list[dict[str, object]] = json.loads(capsys.readouterr().out)["models"]
    return rows


@pytest.mark.parametrize("memory", ["1GB", "2GB", "3.5GB", "6GB"])
def test_a_few_that_fit_are_told_the_best_first_and_quicker_ones_too(memory: str, capsys: Said) -> None:
    rows = found(capsys, "--memory", memory)
    known = {model.id: model for model in read_models()}
    assert 0 < len(rows) <= MOST
    for row in rows:
        model = known[str(row["id"])]
        assert float(str(row["needed_bytes"])) <= 0.9 * float(memory[:-2]) * 1e9
        assert row["command"] == f"autoglm-lite pull {model.id}:{row['type']}"
        assert str(known_reference(str(row["command"]).split()[-1])) == row["reference"]
        assert row["good_at"]
        assert row["licence"] == model.licence
        few, many = model.parameters / ALIKE, model.parameters * ALIKE
        alike = [other for other in rows if few < float(str(other["parameters"])) < many]
        assert len(alike) <= 2 * MOST_ALIKE
    speeds = [float(str(row["tokens_per_second"])) for row in rows]
    assert speeds[0] >= LEAST_SPEED
    assert max(speeds) > speeds[0] or len(rows) < 3


def test_the_page_in_english(capsys: Said) -> None:
    assert main(["models", "recommend", "--memory", "3.5GB"]) == 0
    first, blank, title, details, command, *_ = capsys.readouterr().out.splitlines()
    assert first == "3.5 GB of memory are free on this machine. The models that suit it, the best first:"
    assert blank == ""
    assert title.startswith("1. ")
    assert "tokens a second. Licence: " in details
    assert command.startswith("   autoglm-lite pull ")


@pytest.mark.parametrize("how", ["locale", "setting"])
def test_the_page_in_chinese(how: str, capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    if how == "locale":
        monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    else:
        trees.put(config_dir() / "app.toml", 'language = "zh"\n')
    assert main(["models", "recommend", "--memory", "3.5GB"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("这台电脑现在有 3.5 GB 内存可用。")
    assert "个词元。许可：" in out
    assert "中文和英文、" in out
    assert "autoglm-lite pull " in out


@pytest.mark.parametrize(("lang", "beginning"), [("C.UTF-8", "Only 300 MB"), ("zh_CN.UTF-8", "可用内存只有 300 MB")])
def test_where_nothing_fits_it_says_what_would(
    lang: str, beginning: str, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", lang)
    assert main(["models", "recommend", "--memory", "300MB"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(beginning)
    assert "SmolLM2 135M Instruct" in said
    assert "autoglm-lite chat" in said
    assert found(capsys, "--memory", "300MB") == []


def test_what_is_stored_already_is_said(capsys: Said) -> None:
    one, other, *_ = found(capsys, "--memory", "2GB")
    models_dir().mkdir(parents=True)
    # The one came from the hub under a name of the user's, the other lies there under its file's name.
    path = trees.put(models_dir() / "mine.gguf", trees.chat_model("mine"))
    file = StoredFile(path.name, path.stat().st_size)
    write_manifest(models_dir(), Manifest("mine", file, "fetched", source=str(one["reference"])))
    name = str(other["reference"]).rpartition("/")[2].removesuffix(".gguf")
    if name.startswith("ggml-model"):
        name = f"{known(str(other['id']))}-{other['type']}"
    trees.put(models_dir() / f"{name}.gguf", trees.chat_model("other"))
    again = found(capsys, "--memory", "2GB")
    assert (again[0]["stored"], again[0]["command"]) == (True, "autoglm-lite chat mine")
    assert (again[1]["stored"], again[1]["command"]) == (True, f"autoglm-lite chat {name}")
    assert not any(row["stored"] for row in again[2:])
    assert main(["models", "recommend", "--memory", "2GB"]) == 0
    assert capsys.readouterr().out.count("   It is stored here already:\n   autoglm-lite chat ") == 2


def known(short: str) -> str:
    return next(model.reference for model in read_models() if model.id == short).rpartition("/")[2]


def test_what_another_program_has_is_said(capsys: Said) -> None:
    hub = Path(os.environ["HOME"]) / ".cache" / "huggingface" / "hub"
    (one, *_) = found(capsys, "--memory", "2GB")
    repo, file = str(one["reference"]).removeprefix("hf:").rsplit("/", 1)
    trees.hugging_face_file(hub, repo, file, trees.chat_model("here"))
    (again, *_) = found(capsys, "--memory", "2GB")
    assert again["program"] == "Hugging Face cache"
    assert again["command"] == f"autoglm-lite models scan --add {repo}/{file.removesuffix('.gguf')}"
    assert main(str(again["command"]).split()[1:]) == 0
    (stored, *_) = found_after(capsys)
    assert stored["stored"] is True


def found_after(capsys: Said) -> list[dict[str, object]]:
    capsys.readouterr()
    return found(capsys, "--memory", "2GB")
