"""The Hugging Face cache, which many programs share: huggingface_hub, transformers, newer llama.cpp, LlamaBarn.

models--ORG--REPO/snapshots/REVISION/FILE is a link to ../../blobs/SHA256, or the file itself where links cannot be
made; refs/main names the newest revision; on its way a blob is SHA256.incomplete (huggingface.co/docs/hub/local-cache).
HF_HUB_CACHE names the folder, HF_HOME the one above it (huggingface_hub/constants.py; llama.cpp's common/hf-cache.cpp).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from autoglm_lite.store.others.computer import Computer
from autoglm_lite.store.others.found import Found, grouped, in_folders, stem_of
from autoglm_lite.store.others.looking import distinct, entries, files, gguf_within, text_within

PROGRAM = "Hugging Face cache"
_REPOSITORY = re.compile(r"models--([\w.-]{1,96}?)--([\w.-]{1,96})")
_REVISION = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
DEPTH = 3
MOST_REVISIONS = 50


def folders(computer: Computer) -> list[Path]:
    return [
        *computer.named("HF_HUB_CACHE"),
        *computer.named("HUGGINGFACE_HUB_CACHE"),
        *computer.named("HF_HOME", "hub"),
        *computer.named("XDG_CACHE_HOME", "huggingface", "hub"),
        computer.home / ".cache" / "huggingface" / "hub",
    ]


def find(computer: Computer) -> Iterator[Found]:
    for folder in distinct(folders(computer)):
        yield from in_cache(folder, PROGRAM)


def in_cache(folder: Path, program: str) -> Iterator[Found]:
    """The models of a cache of this layout, each once, from its newest revision."""
    for name in entries(folder):
        match = _REPOSITORY.fullmatch(name)
        if match is not None:
            yield from _in_repository(folder / name, f"{match[1]}/{match[2]}", program)


def _in_repository(folder: Path, repo: str, program: str) -> Iterator[Found]:
    seen: set[Path] = set()
    revisions = _revisions(folder)
    for revision in revisions:
        older = "" if revision == revisions[0] else revision[:7]
        snapshot = folder / "snapshots" / revision
        for paths in in_folders(files(snapshot, DEPTH)).values():
            whole = {path: real for path in paths if (real := gguf_within(path, folder)) is not None}
            for group in grouped(whole):
                real = whole[group.model]
                if real in seen:
                    continue
                seen.add(real)
                within = group.model.relative_to(snapshot).as_posix()
                mmproj = None if group.mmproj is None else whole[group.mmproj]
                yield Found(
                    program,
                    name=f"{repo}/{within.rpartition('.')[0]}{older and '@' + older}",
                    path=group.lies(whole),
                    stem=stem_of(group.model.stem, repo) + (older and "-" + older),
                    sha256=_sha256(real) if group.n_parts == 1 else None,
                    mmproj=mmproj,
                    mmproj_sha256=None if mmproj is None else _sha256(mmproj),
                    source=f"hf:{repo}/{within}",
                    n_parts=group.n_parts,
                )


def _revisions(folder: Path) -> list[str]:
    """The newest first."""
    newest = (text_within(folder / "refs" / "main", folder) or "").strip()
    found = [name for name in entries(folder / "snapshots") if _REVISION.fullmatch(name)]
    return sorted(found, key=lambda name: name != newest)[:MOST_REVISIONS]


def _sha256(blob: Path) -> str | None:
    """That of a large file; small ones are called by git's digest."""
    return blob.name if blob.parent.name == "blobs" and _SHA256.fullmatch(blob.name) else None
