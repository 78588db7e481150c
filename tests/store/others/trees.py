"""Folders as other programs leave them, with small GGUFs that are real."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

from autoglm_lite.store.others.computer import Computer
from tests.gguf.embedders import bert
from tests.gguf.tiny import TYPE_F32, U32, Tensor, Tiny, llama, qwen3, single, text

REVISION, OLDER = "0123456789abcdef0123456789abcdef01234567", "f" * 40


@cache
def chat_model(name: str, make: Callable[[], Tiny] = llama) -> bytes:
    tiny = make()
    tiny.put(text("general.name", name))
    return tiny.encode()


def projector(name: str = "eyes") -> bytes:
    """What sees pictures: llama.cpp's architecture clip."""
    entries = [text("general.architecture", "clip"), text("general.type", "mmproj"), text("general.name", name)]
    entries.append(single("clip.vision.block_count", U32, 1))
    return Tiny(entries, [Tensor(b"v.patch_embd.weight", [4, 4], TYPE_F32, bytes(64))]).encode()


def computer(folder: Path, system: str = "linux", **variables: str) -> Computer:
    home = folder / "home"
    home.mkdir(exist_ok=True)
    return Computer(home, variables, system, folder / "root")


def put(path: Path, content: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def blob(models: Path, content: bytes | str) -> str:
    """Stores it as Ollama does; returns the digest."""
    raw = content.encode() if isinstance(content, str) else content
    digest = hashlib.sha256(raw).hexdigest()
    put(models / "blobs" / f"sha256-{digest}", raw)
    return f"sha256:{digest}"


def ollama_model(models: Path, name: str, *layers: tuple[str, bytes | str], manifests: str = "manifests") -> Path:
    """`name`: host/namespace/name/tag; the kinds of `layers`: model, projector, license..."""
    listed = [
        {"mediaType": f"application/vnd.ollama.image.{kind}", "digest": blob(models, content), "size": len(content)}
        for kind, content in layers
    ]
    config = {"mediaType": "application/vnd.docker.container.image.v1+json", "digest": blob(models, "{}"), "size": 2}
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": config,
        "layers": listed,
    }
    return put(models / manifests / name, json.dumps(manifest))


def ollama(models: Path) -> None:
    """Three models as `ollama pull` leaves them, one half fetched, and one whose blob is gone."""
    library = "registry.ollama.ai/library"
    ollama_model(
        models,
        f"{library}/llama3.2/1b",
        ("model", chat_model("Llama 3.2")),
        ("template", "{{ .Prompt }}"),
        ("license", "\n  LLAMA 3.2 COMMUNITY LICENSE AGREEMENT\nLlama 3.2 Version Release Date: ...\n"),
        ("params", '{"stop":["<|eot_id|>"]}'),
    )
    ollama_model(models, f"{library}/nomic-embed-text/latest", ("model", chat_model("Nomic", bert)))
    ollama_model(
        models,
        "hf.co/ggml-org/SmolVLM-256M-Instruct-GGUF/Q8_0",
        ("model", chat_model("SmolVLM", qwen3)),
        ("projector", projector("SmolVLM")),
    )
    partial = "sha256-" + "e" * 64 + "-partial"
    put(models / "blobs" / partial, chat_model("half")[:2000])
    put(models / "blobs" / (partial + "-0"), '{"N":0,"Offset":0,"Size":5000,"Completed":2000}')
    gone = ollama_model(models, f"{library}/gone/7b", ("model", b"GGUF that is removed again"))
    layer = json.loads(gone.read_text())["layers"][0]
    (models / "blobs" / layer["digest"].replace(":", "-")).unlink()


def lm_studio(home: Path) -> None:
    models = home / ".lmstudio" / "models"
    repo = models / "lmstudio-community" / "Qwen3-0.6B-GGUF"
    put(repo / "Qwen3-0.6B-Q8_0.gguf", chat_model("Qwen3 0.6B", qwen3))
    put(repo / "downloading_Qwen3-0.6B-Q4_K_M.gguf.part", b"GGUF")
    seeing = models / "lmstudio-community" / "gemma-3-4b-it-GGUF"
    put(seeing / "gemma-3-4b-it-Q4_K_M.gguf", chat_model("Gemma 3"))
    put(seeing / "mmproj-model-f16.gguf", projector("Gemma 3"))
    put(models / "mlx-community" / "Qwen3-0.6B-4bit" / "model.safetensors", b"{}")
    put(home / ".lmstudio-home-pointer", str(home / ".lmstudio"))
    bundled = home / ".lmstudio" / ".internal" / "bundled-models" / "nomic-ai" / "nomic-embed-text-v1.5-GGUF"
    put(bundled / "nomic-embed-text-v1.5.Q4_K_M.gguf", chat_model("Nomic 1.5", bert))


def hugging_face_file(hub: Path, repo: str, file: str, content: bytes, revision: str = REVISION) -> Path:
    """As huggingface_hub does where links can be made."""
    folder = hub / f"models--{repo.replace('/', '--')}"
    stored = put(folder / "blobs" / hashlib.sha256(content).hexdigest(), content)
    link = folder / "snapshots" / revision / file
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        up = "/".join([".."] * (2 + file.count("/")))
        link.symlink_to(f"{up}/blobs/{stored.name}")
    put(folder / "refs" / "main", REVISION)
    return link


def hugging_face(hub: Path) -> None:
    repo = "Qwen/Qwen2.5-0.5B-Instruct-GGUF"
    hugging_face_file(hub, repo, "qwen2.5-0.5b-instruct-q8_0.gguf", chat_model("Qwen2.5 of today"))
    hugging_face_file(hub, repo, "qwen2.5-0.5b-instruct-q8_0.gguf", chat_model("Qwen2.5 of then"), OLDER)
    hugging_face_file(hub, repo, "README.md", b"# Qwen")
    put(hub / f"models--{repo.replace('/', '--')}" / "blobs" / ("a" * 64 + ".incomplete"), b"GGUF")
    seeing = "ggml-org/SmolVLM2-500M-Video-Instruct-GGUF"
    hugging_face_file(hub, seeing, "SmolVLM2-500M-Video-Instruct-Q8_0.gguf", chat_model("SmolVLM2"))
    hugging_face_file(hub, seeing, "mmproj-SmolVLM2-500M-Video-Instruct-Q8_0.gguf", projector("small"))
    hugging_face_file(hub, seeing, "mmproj-SmolVLM2-500M-Video-Instruct-f16.gguf", projector("SmolVLM2"))
    hugging_face_file(hub, "zai-org/glm-edge-1.5b-chat-gguf", "ggml-model-Q4_K_M.gguf", chat_model("GLM-Edge"))
    for number in (1, 2, 3):
        part = f"Q4_K_M/large-Q4_K_M-0000{number}-of-00003.gguf"
        hugging_face_file(hub, "someone/large-GGUF", part, chat_model(f"part {number}"))
    hugging_face_file(hub, "google-bert/bert-base-uncased", "model.safetensors", b"{}")


def modelscope(cache: Path) -> None:
    models = cache / "hub" / "models"
    masked = models / "Qwen" / "Qwen2___5-1___5B-Instruct-GGUF"
    put(masked / "qwen2.5-1.5b-instruct-q4_k_m.gguf", chat_model("Qwen2.5 1.5B"))
    put(masked / ".msc", b"pickle")
    (models / "Qwen" / "Qwen2.5-1.5B-Instruct-GGUF").symlink_to(masked)
    put(models / "._____temp" / "Qwen" / "Qwen3-8B-GGUF" / "Qwen3-8B-Q4_K_M.gguf", chat_model("on its way"))
    put(cache / "hub" / "ZhipuAI" / "glm-edge-4b-chat-gguf" / "glm-edge-4b.gguf", chat_model("GLM-Edge 4B"))


def newer_modelscope(cache: Path) -> None:
    """As modelscope 1.40 leaves it."""
    snapshots = cache / "models" / "ZhipuAI--glm-edge-1.5b-chat-gguf" / "snapshots"
    put(snapshots / "master" / "ggml-model-Q4_K_M.gguf", chat_model("newest"))
    put(snapshots / "v1.0.0" / "ggml-model-Q4_K_M.gguf", chat_model("first"))
    put(snapshots / "master" / "ggml-model-Q8_0.gguf.incomplete", b"GGUF")
    put(cache / ".lock" / "file_0123.lock", b"")


def gpt4all(folder: Path) -> None:
    put(folder / "Llama-3.2-1B-Instruct-Q4_0.gguf", chat_model("Llama of GPT4All"))
    put(folder / "incomplete-Meta-Llama-3-8B-Instruct.Q4_0.gguf", b"GGUF")
    put(folder / "localdocs_v3.db", b"SQLite format 3\0")
    put(folder / "gpt4all-falcon-q4_0.gguf", b"not one any more")


def jan(data: Path) -> None:
    models = data / "llamacpp" / "models"
    here = models / "Menlo" / "Jan-nano-gguf"
    put(here / "model.gguf", chat_model("Jan nano"))
    put(here / "mmproj.gguf", projector("Jan"))
    put(
        here / "model.yml",
        "mmproj_path: llamacpp/models/Menlo/Jan-nano-gguf/mmproj.gguf\n"
        "model_path: llamacpp/models/Menlo/Jan-nano-gguf/model.gguf\n"
        "name: Menlo/Jan-nano-gguf\nsize_bytes: 4000\nembedding: false\n",
    )
    old = data / "models" / "cortex.so" / "tinyllama" / "1b"
    put(old / "model.gguf", chat_model("TinyLlama"))
    put(
        old / "model.yml", f"# BEGIN GENERAL\nid: tinyllama\nfiles:\n  - models/{'cortex.so/tinyllama/1b'}/model.gguf\n"
    )


def old_jan(folder: Path) -> None:
    here = folder / "models" / "trinity-v1-7b"
    put(here / "trinity-v1.Q4_K_M.gguf", chat_model("Trinity"))
    put(here / "model.json", json.dumps({"id": "trinity-v1-7b", "name": "Trinity 7B Q4", "format": "gguf"}))


def llama_cpp(cache: Path) -> None:
    put(cache / "ggml-org_gemma-3-1b-it-GGUF_gemma-3-1b-it-Q4_K_M.gguf", chat_model("Gemma 3 1B"))
    put(cache / "ggml-org_gemma-3-1b-it-GGUF_gemma-3-1b-it-Q4_K_M.gguf.json", '{"etag": "x"}')
    put(cache / "manifest=ggml-org=gemma-3-1b-it-GGUF=latest.json", '{"ggufFile": {"rfilename": "x"}}')
    put(cache / "ggml-org_eyes-GGUF_eyes-Q8_0.gguf", chat_model("with eyes"))
    put(cache / "ggml-org_eyes-GGUF_mmproj-eyes-Q8_0.gguf", projector("llama.cpp"))
    put(cache / "tinyllamas_stories260K.gguf.downloadInProgress", b"GGUF")
