"""llama.cpp's own cache: ORG_REPO_FILE.gguf in one folder, as `-hf` and `-mu` left it until early 2026.

LLAMA_CACHE, else llama.cpp in the system's folder for caches (fs_get_cache_directory in common/common.cpp), with
manifest=ORG=REPO=TAG.json beside for what came from Hugging Face (get_manifest_path in common/download.cpp). Since then
it shares the Hugging Face cache, of which LLAMA_CACHE may name the folder (common/hf-cache.cpp). On its way a file is
NAME.downloadInProgress.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from autoglm_lite.store.others.computer import Computer
from autoglm_lite.store.others.found import Found
from autoglm_lite.store.others.gpt4all import in_one_folder
from autoglm_lite.store.others.hugging_face import in_cache
from autoglm_lite.store.others.looking import distinct, entries

PROGRAM = "llama.cpp"


def folders(computer: Computer) -> list[Path]:
    return [*computer.named("LLAMA_CACHE"), computer.cache() / "llama.cpp", computer.home / ".cache" / "llama.cpp"]


def find(computer: Computer) -> Iterator[Found]:
    for folder in distinct(folders(computer)):
        repos = _repositories(folder)
        for found in in_one_folder(folder, PROGRAM):
            repo = next((repo for repo in repos if found.stem.startswith(repo.replace("/", "_") + "_")), None)
            yield found if repo is None else _of(found, repo)
        yield from in_cache(folder, PROGRAM)


def _of(found: Found, repo: str) -> Found:
    """With the names that it has in its repository; folders there became underscores, so the file may not be one."""
    file = found.stem[len(repo) + 1 :]
    return replace(found, name=f"{repo}/{file}", stem=file, source=f"hf:{repo}/{file}.gguf")


def _repositories(folder: Path) -> list[str]:
    """org/repo of each manifest, the longest name first."""
    found = set()
    for name in entries(folder):
        parts = name.split("=")
        if parts[0] == "manifest" and len(parts) == 4:
            found.add(f"{parts[1]}/{parts[2]}")
    return sorted(found, key=len, reverse=True)
