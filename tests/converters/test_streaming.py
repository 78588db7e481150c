"""`autoglm-lite convert hf:org/repo`, against a hub on loopback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from checkpoints import write_json
from converting import convert
from sharding import Place, at_random, contents, hub_of, in_order, in_turn, sharded

from autoglm_lite.cli import main
from autoglm_lite.store.manifest import read_manifest
from autoglm_lite.store.models import models_dir
from tests.store.hub import FakeHub, serving

CASES = [
    ("Qwen3-30B-A3B", "Q4_K_M", in_turn),
    ("Qwen3-30B-A3B", "BF16", at_random),
    ("GLM-4.7-Flash", "Q8_0", at_random),
    ("Qwen3-0.6B-FP8", "Q4_0", in_turn),
    ("Phi-3-mini-4k-instruct", "Q4_K_M", in_order),
]


@pytest.mark.parametrize(("name", "kind", "place"), CASES)
def test_the_bytes_of_the_local_folder(
    name: str, kind: str, place: Place, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = sharded(name, tmp_path, 3, place)
    expected = convert(folder, tmp_path / "local.gguf", kind).read_bytes()
    with hub_of(folder, monkeypatch):
        assert main(["convert", f"hf:org/{name}:{kind}", "--threads", "2"]) == 0
    assert (here / f"{name}-{kind}.gguf").read_bytes() == expected
    assert [path.name for path in here.iterdir()] == [f"{name}-{kind}.gguf"]


@pytest.mark.parametrize(
    ("source", "repository"),
    [
        ("https://huggingface.co/org/Qwen3-0.6B/tree/main", "org/Qwen3-0.6B"),
        ("hf.co/org/Qwen3-0.6B:Q8_0", "org/Qwen3-0.6B"),
        ("glm-edge-1.5b", "zai-org/glm-edge-1.5b-chat"),
    ],
)
def test_a_page_and_a_name_of_the_list_are_as_good_as_a_repository(
    source: str,
    repository: str,
    here: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with hub_of(sharded("Qwen3-0.6B", tmp_path, 2), monkeypatch) as hub:
        hub.repositories = {repository: hub.repositories["org/Qwen3-0.6B"]}
        assert main(["convert", source, "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["source"] == f"hf:{repository}"


def test_a_folder_wins_against_a_name_of_the_list(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "glm-edge-1.5b").mkdir()
    assert main(["convert", "glm-edge-1.5b"]) == 1
    assert "config.json" in capsys.readouterr().err


def test_each_shard_is_fetched_once_and_from_either_hub(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = sharded("Qwen3-0.6B", tmp_path, 3)
    with hub_of(folder, monkeypatch) as hub:
        assert main(["convert", "ms:org/Qwen3-0.6B", "-o", "ms.gguf"]) == 0
        assert main(["convert", "hf:org/Qwen3-0.6B", "-o", "hf.gguf"]) == 0
        for name, content in contents(folder).items():
            if name.endswith(".safetensors"):
                # Each hub gave it once, and its header before that.
                assert hub.given[f"org/Qwen3-0.6B/{name}"] <= 2 * (len(content) + (1 << 16))
    assert (here / "ms.gguf").read_bytes() == (here / "hf.gguf").read_bytes()
    assert capsys.readouterr().err.splitlines()[-1] == "autoglm-lite chat hf.gguf"


def test_what_it_will_be_is_said_before_a_shard_is_fetched(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = sharded("Qwen3-0.6B", tmp_path, 3)
    with hub_of(folder, monkeypatch) as hub:
        assert main(["convert", "hf:org/Qwen3-0.6B", "--dry-run", "--json"]) == 0
        said = capsys.readouterr()
        assert max(hub.given.values()) <= 1 << 16
        assert main(["convert", "hf:org/Qwen3-0.6B", "--dry-run"]) == 0
    assert not list(here.iterdir())
    found = json.loads(said.out)
    sizes = [len(content) for name, content in contents(folder).items() if name.endswith(".safetensors")]
    assert found["source"] == "hf:org/Qwen3-0.6B"
    assert found["licence"] == "mit"
    assert found["fetched_bytes"] == sum(sizes)
    assert found["bytes"] == convert(folder, tmp_path / "local.gguf", "Q4_K_M").stat().st_size
    lines = said.err.splitlines()
    assert lines[0] == "hf:org/Qwen3-0.6B, licence mit"
    assert lines[1].startswith("to fetch: 3.1 MB (3 shards, the largest ")
    assert lines[2] == "to write: Qwen3-0.6B-Q4_K_M.gguf, Q4_K_M, 942.7 kB"
    assert lines[3].startswith("on the disk: 5")
    assert lines[4].startswith("on this machine: fits: ")
    assert "tensors, " in capsys.readouterr().out.splitlines()[-1]


def test_among_the_stored_models_it_has_a_manifest(tmp_path: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOGLM_LITE_HOME", str(tmp_path / "home"))
    models_dir().mkdir(parents=True)
    folder = sharded("Qwen3-0.6B", tmp_path, 3)
    with hub_of(folder, monkeypatch) as hub:
        assert main(["convert", "hf:org/Qwen3-0.6B", "-o", str(models_dir() / "mine.gguf")]) == 0
        commit = hub.commit("org/Qwen3-0.6B")
    found = read_manifest(models_dir(), "mine")
    assert found is not None
    assert (found.way, found.source, found.revision, found.licence) == ("converted", "hf:org/Qwen3-0.6B", commit, "mit")
    assert found.samples
    expected = convert(folder, tmp_path / "local.gguf", "Q4_K_M").read_bytes()
    assert (models_dir() / "mine.gguf").read_bytes() == expected
    assert sorted(path.name for path in models_dir().iterdir() if path.name.startswith(".")) == []


def test_fit_reads_samples_and_chooses_as_for_a_folder(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = sharded("Qwen3-0.6B", tmp_path, 3)
    assert main(["convert", str(folder), "-o", "local.gguf", "--fit", "1.1MB"]) == 0
    with hub_of(folder, monkeypatch):
        assert main(["convert", "hf:org/Qwen3-0.6B", "-o", "hub.gguf", "--fit", "1.1MB"]) == 0
    assert (here / "hub.gguf").read_bytes() == (here / "local.gguf").read_bytes()


def test_only_the_shards_that_are_needed_come(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "Qwen2-VL-2B-Instruct"
    folder = sharded(name, tmp_path, 6)
    expected = convert(folder, tmp_path / "local.gguf", "F16", mmproj=True).read_bytes()
    with hub_of(folder, monkeypatch) as hub:
        assert main(["convert", f"hf:org/{name}", "--mmproj", "-o", "eyes.gguf"]) == 0
        assert (here / "eyes.gguf").read_bytes() == expected
        n_bytes = {name: len(content) for name, content in contents(folder).items() if name.endswith(".safetensors")}
        whole = [shard for shard in n_bytes if hub.given[f"org/{name}/{shard}"] >= n_bytes[shard]]
    assert 0 < len(whole) < 6


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"pytorch_model.bin": b"\x80\x02.", "config.json": b"{}"}, "pickles, programs and archives are not even"),
        ({"model.py": b"import os", "weights.zip": b"PK", "config.json": b"{}"}, "not even fetched"),
        ({"model-Q4_K_M.gguf": b"GGUF", "README.md": b"#"}, "get one with `autoglm-lite pull hf:org/repo`"),
        ({"model.safetensors": b"\0" * 99}, "no config.json with safetensors"),
    ],
)
def test_what_is_no_checkpoint_is_not_fetched(
    files: dict[str, bytes],
    sentence: str,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serving(FakeHub({"org/repo": files})) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        assert main(["convert", "hf:org/repo"]) == 1
        assert not hub.given
        assert hub.count("hub") == hub.count("store") == 0
    assert sentence in capsys.readouterr().err
    assert not list(here.iterdir())


def test_sentences_name_the_repository(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = sharded("Qwen3-0.6B", tmp_path, 3)
    write_json(folder / "config.json", {"architectures": ["Strange"]})
    with hub_of(folder, monkeypatch) as hub:
        assert main(["convert", "hf:org/Qwen3-0.6B"]) == 1
        assert "Strange" in capsys.readouterr().err
        del hub.repositories["org/Qwen3-0.6B"]["tokenizer.json"]
        hub.repositories["org/Qwen3-0.6B"]["config.json"] = b"{"
        assert main(["convert", "hf:org/Qwen3-0.6B"]) == 1
        said = capsys.readouterr().err
        assert said.startswith("autoglm-lite: hf:org/Qwen3-0.6B/config.json is not valid JSON")
        hub.gated = {"org/Qwen3-0.6B"}
        assert main(["convert", "hf:org/Qwen3-0.6B"]) == 1
        assert "agree" in capsys.readouterr().err
        assert main(["convert", "hf:org/none"]) == 1
    assert not list(here.iterdir())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["hf:org/repo/model.safetensors"], "give its repository, hf:org/repo"),
        (["hf:org/repo:Q4_K_M", "--type", "Q8_0"], "The type is given twice"),
        (["hf:org/repo:Q4_K_M", "--fit", "1GB"], "The type is given twice"),
        (["hf:org/repo", "--drop-layers", "2"], "name the layers"),
        (["hf:repo"], "names no repository"),
        (["hf:org/repo", "--memory", "1MB"], "--memory is too little"),
    ],
)
def test_wrong_usage(arguments: list[str], sentence: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", *arguments]) == 2
    assert sentence in capsys.readouterr().err
    assert not list(here.iterdir())
