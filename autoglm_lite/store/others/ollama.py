"""Ollama's models: manifests by name, and what they name by its digest.

models/manifests/registry.ollama.ai/library/NAME/TAG (in newer versions models/manifests-v2, of links to blobs) is JSON
with layers, each of a media type and a digest; the bytes lie in models/blobs/sha256-DIGEST, and on their way in
sha256-DIGEST-partial. From ollama/ollama: manifest/manifest.go, manifest/paths.go, types/model/name.go,
envconfig/config.go, server/download.go, scripts/install.sh (the service's home), and for snap its documentation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autoglm_lite.store.others.computer import Computer
from autoglm_lite.store.others.found import Found
from autoglm_lite.store.others.looking import MOST_ENTRIES, SHA256, distinct, entries, gguf_within, text_within

PROGRAM = "Ollama"
HOST, NAMESPACE, TAG = "registry.ollama.ai", "library", "latest"
"""What a name says when it says nothing."""
HUGGING_FACE = ("hf.co", "huggingface.co")
LAYER = "application/vnd.ollama.image."
MANIFEST_LIST = "application/vnd.ollama.manifest.list.v2+json"
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}")
MOST_LICENCE = 80
"""Letters of a licence's first line."""


def folders(computer: Computer) -> list[Path]:
    return [
        *computer.named("OLLAMA_MODELS"),
        *computer.named("OLLAMA_HOME", "models"),
        computer.home / ".ollama" / "models",
        computer.root / "usr/share/ollama/.ollama/models",
        computer.root / "var/lib/ollama/models",
        computer.root / "var/lib/ollama/.ollama/models",
        computer.root / "var/snap/ollama/common/models",
    ]


def find(computer: Computer) -> Iterator[Found]:
    """All models that are complete."""
    for folder in distinct(folders(computer)):
        seen = set()
        for kind in ("manifests-v2", "manifests"):
            for parts, path in _named(folder / kind):
                manifest = _object(text_within(path, folder))
                if parts not in seen and (found := _model(parts, manifest, folder)) is not None:
                    seen.add(parts)
                    yield found


def _named(folder: Path) -> Iterator[tuple[tuple[str, ...], Path]]:
    """Manifests, and the host, namespace, name and tag that their paths are made of."""
    left = MOST_ENTRIES
    level: list[tuple[str, ...]] = [()]
    for _ in range(4):
        below = []
        for parts in level:
            names = entries(folder.joinpath(*parts), left)
            left -= len(names)
            below += [(*parts, name) for name in names if _PART.fullmatch(name) and ".." not in name]
        level = below
    yield from ((parts, folder.joinpath(*parts)) for parts in level)


def _model(parts: tuple[str, ...], manifest: dict[str, Any], folder: Path) -> Found | None:
    layers = list(_layers(manifest, folder))
    models = [blob for kind, blob in layers if kind == "model"]
    whole = [(path, sha256) for path, sha256 in models if gguf_within(path, folder) is not None]
    if not whole:
        return None
    host, namespace, name, tag = parts
    path, sha256 = whole[0]
    projector = next((blob for kind, blob in layers if kind == "projector" and gguf_within(blob[0], folder)), None)
    licence = next((text for kind, blob in layers if kind == "license" and (text := _licence(blob[0], folder))), None)
    return Found(
        PROGRAM,
        name=shortest(parts),
        path=gguf_within(path, folder) or path,
        stem=name if tag == TAG else f"{name}-{tag}",
        sha256=sha256,
        mmproj=None if projector is None else gguf_within(projector[0], folder),
        mmproj_sha256=None if projector is None else projector[1],
        source=f"hf:{namespace}/{name}" if host in HUGGING_FACE else None,
        licence=licence,
    )


def shortest(parts: tuple[str, ...]) -> str:
    """As `ollama list` shows a name: without what it says anyway, the tag excepted."""
    host, namespace, name, tag = parts
    shown = [] if host == HOST else [host]
    shown += [] if (host, namespace) == (HOST, NAMESPACE) else [namespace]
    return "/".join([*shown, f"{name}:{tag}"])


def _layers(manifest: dict[str, Any], folder: Path, *, listed: bool = False) -> Iterator[tuple[str, tuple[Path, str]]]:
    """The kind of each layer, and its blob with its sha256. A list of manifests is looked into once."""
    if manifest.get("mediaType") == MANIFEST_LIST and not listed:
        for child in _objects(manifest.get("manifests")):
            blob = _blob(child, folder)
            whole = child if child.get("layers") or blob is None else _object(text_within(blob[0], folder))
            yield from _layers(whole, folder, listed=True)
        return
    for layer in _objects(manifest.get("layers")):
        kind, blob = layer.get("mediaType"), _blob(layer, folder)
        if isinstance(kind, str) and kind.startswith(LAYER) and blob is not None:
            yield kind.removeprefix(LAYER), blob


def _blob(layer: dict[str, Any], folder: Path) -> tuple[Path, str] | None:
    """Where the layer's bytes lie, and their sha256; None for a digest that is none."""
    digest = layer.get("digest")
    found = SHA256.fullmatch(digest) if isinstance(digest, str) else None
    return None if found is None else (folder / "blobs" / f"sha256-{found[1]}", found[1])


def _licence(path: Path, folder: Path) -> str | None:
    lines = (text_within(path, folder, most=2000) or "").split("\n")
    first = next((line.strip() for line in lines if line.strip()), "")
    return "".join(letter for letter in first if letter.isprintable())[:MOST_LICENCE] or None


def _object(text: str | None) -> dict[str, Any]:
    """The JSON object in `text`; empty if there is none."""
    try:
        found = json.loads(text or "")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value[:1000] if isinstance(item, dict)] if isinstance(value, list) else []
