"""The models of each program are found where it keeps them, by the names that it gives them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoglm_lite.store.others import gpt4all, hugging_face, jan, llama_cpp, lm_studio, modelscope, ollama
from autoglm_lite.store.others.found import Found
from autoglm_lite.store.others.search import find_models, programs_with_models
from tests.store.others import trees


def by_name(found: Iterator[Found]) -> dict[str, Found]:
    listed = list(found)
    assert len({one.name for one in listed}) == len(listed)
    for one in listed:
        assert one.n_parts > 1 or not one.path.is_symlink()
        assert one.path.read_bytes()[:4] == b"GGUF"
    return {one.name: one for one in listed}


@pytest.mark.parametrize(
    ("models", "variables"),
    [
        ("home/.ollama/models", {}),
        ("root/usr/share/ollama/.ollama/models", {}),
        ("root/var/snap/ollama/common/models", {}),
        ("elsewhere", {"OLLAMA_MODELS": "elsewhere"}),
    ],
)
def test_ollama(tmp_path: Path, models: str, variables: dict[str, str]) -> None:
    trees.ollama(tmp_path / models)
    full = {name: str(tmp_path / path) for name, path in variables.items()}
    found = by_name(ollama.find(trees.computer(tmp_path, **full)))
    assert set(found) == {"llama3.2:1b", "nomic-embed-text:latest", "hf.co/ggml-org/SmolVLM-256M-Instruct-GGUF:Q8_0"}
    llama = found["llama3.2:1b"]
    assert (llama.stem, llama.licence, llama.mmproj) == ("llama3.2-1b", "LLAMA 3.2 COMMUNITY LICENSE AGREEMENT", None)
    assert llama.sha256 == hashlib.sha256(llama.path.read_bytes()).hexdigest()
    assert found["nomic-embed-text:latest"].stem == "nomic-embed-text"
    seeing = found["hf.co/ggml-org/SmolVLM-256M-Instruct-GGUF:Q8_0"]
    assert seeing.source == "hf:ggml-org/SmolVLM-256M-Instruct-GGUF"
    assert seeing.mmproj is not None
    assert seeing.mmproj_sha256 == hashlib.sha256(seeing.mmproj.read_bytes()).hexdigest()


def test_ollamas_newer_manifests_are_links_to_blobs_and_may_be_lists(tmp_path: Path) -> None:
    models = tmp_path / "home" / ".ollama" / "models"
    old = trees.ollama_model(models, "registry.ollama.ai/library/a/1b", ("model", trees.chat_model("a")))
    child = trees.blob(models, old.read_text())
    new = models / "manifests-v2" / "registry.ollama.ai" / "library" / "a" / "1b"
    new.parent.mkdir(parents=True)
    new.symlink_to(f"../../../../blobs/{child.replace(':', '-')}")
    reference = {"mediaType": "application/vnd.docker.distribution.manifest.v2+json", "digest": child}
    listed = {"schemaVersion": 2, "mediaType": ollama.MANIFEST_LIST, "manifests": [reference]}
    trees.put(models / "manifests-v2" / "registry.ollama.ai" / "library" / "b" / "latest", json.dumps(listed))
    found = by_name(ollama.find(trees.computer(tmp_path)))
    assert set(found) == {"a:1b", "b:latest"}
    assert found["a:1b"].path == found["b:latest"].path


def test_lm_studio(tmp_path: Path) -> None:
    computer = trees.computer(tmp_path)
    trees.lm_studio(computer.home)
    found = by_name(lm_studio.find(computer))
    assert set(found) == {
        "lmstudio-community/Qwen3-0.6B-GGUF/Qwen3-0.6B-Q8_0",
        "lmstudio-community/gemma-3-4b-it-GGUF/gemma-3-4b-it-Q4_K_M",
        "nomic-ai/nomic-embed-text-v1.5-GGUF/nomic-embed-text-v1.5.Q4_K_M",
    }
    seeing = found["lmstudio-community/gemma-3-4b-it-GGUF/gemma-3-4b-it-Q4_K_M"]
    assert seeing.mmproj == seeing.path.with_name("mmproj-model-f16.gguf")
    assert found["lmstudio-community/Qwen3-0.6B-GGUF/Qwen3-0.6B-Q8_0"].mmproj is None


def test_what_sees_pictures_is_known_by_what_it_says_too(tmp_path: Path) -> None:
    computer = trees.computer(tmp_path)
    repo = computer.home / ".lmstudio" / "models" / "org" / "seeing"
    trees.put(repo / "model-Q4_K_M.gguf", trees.chat_model("seeing"))
    trees.put(repo / "vision-encoder.gguf", trees.projector())
    (found,) = lm_studio.find(computer)
    assert (found.path.name, found.mmproj) == ("model-Q4_K_M.gguf", repo / "vision-encoder.gguf")


def test_lm_studio_where_its_pointer_and_its_settings_say(tmp_path: Path) -> None:
    computer = trees.computer(tmp_path)
    trees.lm_studio(tmp_path / "moved")
    (tmp_path / "moved" / ".lmstudio-home-pointer").unlink()
    trees.put(computer.home / ".lmstudio-home-pointer", f"{tmp_path / 'moved' / '.lmstudio'}\n")
    assert len(by_name(lm_studio.find(computer))) == 3
    trees.put(tmp_path / "disk" / "org" / "repo" / "chosen.gguf", trees.chat_model("chosen"))
    settings = tmp_path / "moved" / ".lmstudio" / "settings.json"
    trees.put(settings, f'{{"downloadsFolder": "{tmp_path / "disk"}"}}')
    assert "org/repo/chosen" in by_name(lm_studio.find(computer))


@pytest.mark.parametrize(
    ("hub", "variables"),
    [
        ("home/.cache/huggingface/hub", {}),
        ("hf/hub", {"HF_HOME": "hf"}),
        ("here", {"HF_HUB_CACHE": "here"}),
        ("xdg/huggingface/hub", {"XDG_CACHE_HOME": "xdg"}),
    ],
)
def test_hugging_face(tmp_path: Path, hub: str, variables: dict[str, str]) -> None:
    trees.hugging_face(tmp_path / hub)
    full = {name: str(tmp_path / path) for name, path in variables.items()}
    others = by_name(hugging_face.find(trees.computer(tmp_path, **full)))
    today = others.pop("Qwen/Qwen2.5-0.5B-Instruct-GGUF/qwen2.5-0.5b-instruct-q8_0")
    then = others.pop("Qwen/Qwen2.5-0.5B-Instruct-GGUF/qwen2.5-0.5b-instruct-q8_0@fffffff")
    assert b"of today" in today.path.read_bytes()
    assert b"of then" in then.path.read_bytes()
    assert today.source == "hf:Qwen/Qwen2.5-0.5B-Instruct-GGUF/qwen2.5-0.5b-instruct-q8_0.gguf"
    assert today.sha256 == hashlib.sha256(today.path.read_bytes()).hexdigest()
    seeing = others["ggml-org/SmolVLM2-500M-Video-Instruct-GGUF/SmolVLM2-500M-Video-Instruct-Q8_0"]
    assert seeing.mmproj is not None
    assert b"SmolVLM2" in seeing.mmproj.read_bytes()
    assert others["zai-org/glm-edge-1.5b-chat-gguf/ggml-model-Q4_K_M"].stem == "glm-edge-1.5b-chat-Q4_K_M"
    large = others["someone/large-GGUF/Q4_K_M/large-Q4_K_M-00001-of-00003"]
    assert (large.n_parts, large.path.name) == (3, "large-Q4_K_M-00001-of-00003.gguf")
    assert len(others) == 3


def test_modelscope(tmp_path: Path) -> None:
    trees.modelscope(tmp_path / "home" / ".cache" / "modelscope")
    found = by_name(modelscope.find(trees.computer(tmp_path)))
    assert set(found) == {
        "Qwen/Qwen2.5-1.5B-Instruct-GGUF/qwen2.5-1.5b-instruct-q4_k_m",
        "ZhipuAI/glm-edge-4b-chat-gguf/glm-edge-4b",
    }
    source = found["Qwen/Qwen2.5-1.5B-Instruct-GGUF/qwen2.5-1.5b-instruct-q4_k_m"].source
    assert source == "ms:Qwen/Qwen2.5-1.5B-Instruct-GGUF/qwen2.5-1.5b-instruct-q4_k_m.gguf"
    trees.modelscope(tmp_path / "cache")
    assert len(list(modelscope.find(trees.computer(tmp_path, MODELSCOPE_CACHE=str(tmp_path / "cache" / "hub"))))) > 2


def test_newer_modelscope(tmp_path: Path) -> None:
    trees.newer_modelscope(tmp_path / "home" / ".cache" / "modelscope")
    found = by_name(modelscope.find(trees.computer(tmp_path)))
    main, first = (f"ZhipuAI/glm-edge-1.5b-chat-gguf/ggml-model-Q4_K_M{at}" for at in ("", "@v1.0.0"))
    assert set(found) == {main, first}
    assert b"newest" in found[main].path.read_bytes()
    assert found[main].source == "ms:ZhipuAI/glm-edge-1.5b-chat-gguf/ggml-model-Q4_K_M.gguf"
    assert (found[main].stem, found[first].stem) == ("glm-edge-1.5b-chat-Q4_K_M", "glm-edge-1.5b-chat-Q4_K_M-v1.0.0")


@pytest.mark.parametrize(
    ("folder", "system", "variables"),
    [
        ("home/.local/share/nomic.ai/GPT4All", "linux", {}),
        ("share/nomic.ai/GPT4All", "linux", {"XDG_DATA_HOME": "share"}),
        ("home/Library/Application Support/nomic.ai/GPT4All", "darwin", {}),
        ("local/nomic.ai/GPT4All", "win32", {"LOCALAPPDATA": "local"}),
        ("home/.cache/gpt4all", "linux", {}),
    ],
)
def test_gpt4all(tmp_path: Path, folder: str, system: str, variables: dict[str, str]) -> None:
    trees.gpt4all(tmp_path / folder)
    full = {name: str(tmp_path / path) for name, path in variables.items()}
    assert set(by_name(gpt4all.find(trees.computer(tmp_path, system, **full)))) == {"Llama-3.2-1B-Instruct-Q4_0"}


@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_gpt4all_where_its_settings_say(tmp_path: Path, system: str) -> None:
    computer = trees.computer(tmp_path, system)
    trees.gpt4all(tmp_path / "disk")
    settings = computer.home / ".config" / "nomic.ai" / "GPT4All.ini"
    trees.put(settings, f"[General]\nlastVersionStarted=3.10.0\nmodelPath={tmp_path / 'disk'}/\n[network]\n")
    assert len(by_name(gpt4all.find(computer))) == 1


def test_jan(tmp_path: Path) -> None:
    computer = trees.computer(tmp_path)
    trees.jan(computer.home / ".local" / "share" / "Jan" / "data")
    trees.old_jan(computer.home / "jan")
    found = by_name(jan.find(computer))
    assert set(found) == {"Menlo/Jan-nano-gguf", "cortex.so/tinyllama/1b", "trinity-v1-7b"}
    nano = found["Menlo/Jan-nano-gguf"]
    assert found["cortex.so/tinyllama/1b"].stem == "tinyllama-1b"
    assert (nano.stem, nano.mmproj) == ("Jan-nano-gguf", nano.path.with_name("mmproj.gguf"))


def test_jan_where_its_settings_say(tmp_path: Path) -> None:
    computer = trees.computer(tmp_path, "win32", APPDATA=str(tmp_path / "roaming"))
    trees.jan(tmp_path / "disk")
    trees.put(tmp_path / "roaming" / "Jan" / "settings.json", f'{{"data_folder": "{tmp_path / "disk"}"}}')
    assert len(by_name(jan.find(computer))) == 2


@pytest.mark.parametrize(
    ("cache", "system", "variables"),
    [
        ("home/.cache/llama.cpp", "linux", {}),
        ("home/Library/Caches/llama.cpp", "darwin", {}),
        ("chosen", "linux", {"LLAMA_CACHE": "chosen"}),
    ],
)
def test_llama_cpp(tmp_path: Path, cache: str, system: str, variables: dict[str, str]) -> None:
    trees.llama_cpp(tmp_path / cache)
    full = {name: str(tmp_path / path) for name, path in variables.items()}
    found = by_name(llama_cpp.find(trees.computer(tmp_path, system, **full)))
    assert set(found) == {"ggml-org/gemma-3-1b-it-GGUF/gemma-3-1b-it-Q4_K_M", "ggml-org_eyes-GGUF_eyes-Q8_0"}
    gemma = found["ggml-org/gemma-3-1b-it-GGUF/gemma-3-1b-it-Q4_K_M"]
    assert (gemma.stem, gemma.mmproj) == ("gemma-3-1b-it-Q4_K_M", None)
    assert gemma.source == "hf:ggml-org/gemma-3-1b-it-GGUF/gemma-3-1b-it-Q4_K_M.gguf"
    assert found["ggml-org_eyes-GGUF_eyes-Q8_0"].mmproj is not None


def test_newer_llama_cpp_shares_the_hugging_face_cache(tmp_path: Path) -> None:
    trees.hugging_face(tmp_path / "chosen")
    found = list(llama_cpp.find(trees.computer(tmp_path, LLAMA_CACHE=str(tmp_path / "chosen"))))
    assert len(found) == 5
    assert {one.program for one in found} == {"llama.cpp"}


def test_all_at_once_tell_each_file_once(tmp_path: Path) -> None:
    computer = trees.computer(tmp_path)
    assert find_models(computer) == []
    assert programs_with_models(computer) == []
    trees.ollama(computer.home / ".ollama" / "models")
    (computer.home / ".lmstudio").mkdir()
    shared = next(ollama.find(computer)).path
    folder = computer.home / ".lmstudio" / "models" / "ollama" / "llama3.2"
    folder.mkdir(parents=True)
    (folder / "llama3.2-1b.gguf").hardlink_to(shared)
    hub = computer.home / ".cache" / "huggingface" / "hub"
    trees.hugging_face_file(hub, "org/copied-GGUF", "copied.gguf", shared.read_bytes())
    found = find_models(computer)
    assert [one.program for one in found].count("Ollama") == len(found) == 3
    assert programs_with_models(computer) == ["Ollama", "LM Studio"]
