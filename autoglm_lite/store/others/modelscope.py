"""ModelScope's cache: ORG/REPO/FILE, where points in ORG/REPO are written as three underscores.

~/.cache/modelscope/hub/models, in older versions hub itself; MODELSCOPE_CACHE names the cache's folder, with or without
hub in it, by version (modelscope/utils/file_utils.py). With points masked there is a link of the real name beside
(modelscope/hub/utils/utils.py), which is not followed. Files on their way lie in ._____temp.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from autoglm_lite.store.others.computer import Computer
from autoglm_lite.store.others.found import Found, grouped, in_folders
from autoglm_lite.store.others.looking import distinct, entries, files, gguf_within

PROGRAM = "ModelScope cache"
DEPTH = 3
_PART = re.compile(r"\w[\w.-]{0,95}")
_NO_ORGANISATION = frozenset({"models", "datasets", "hub", "temp"})


def folders(computer: Computer) -> list[Path]:
    roots = [*computer.named("MODELSCOPE_CACHE"), computer.home / ".cache" / "modelscope"]
    return [root / within for root in roots for within in ("hub/models", "models", "hub")]


def find(computer: Computer) -> Iterator[Found]:
    for folder in distinct(folders(computer)):
        for org in entries(folder):
            for repo in entries(folder / org) if _PART.fullmatch(org) and org not in _NO_ORGANISATION else []:
                here = folder / org / repo
                if _PART.fullmatch(repo) and not (folder / org).is_symlink() and not here.is_symlink():
                    yield from _in_repository(here, f"{org}/{repo}".replace("___", "."))


def _in_repository(folder: Path, repo: str) -> Iterator[Found]:
    for paths in in_folders(files(folder, DEPTH)).values():
        whole = {path: real for path in paths if (real := gguf_within(path, folder)) is not None}
        for group in grouped(whole):
            within = group.model.relative_to(folder).as_posix()
            yield Found(
                PROGRAM,
                name=f"{repo}/{within.rpartition('.')[0]}",
                path=group.lies(whole),
                stem=group.model.stem,
                mmproj=None if group.mmproj is None else whole[group.mmproj],
                source=f"ms:{repo}/{within}",
                n_parts=group.n_parts,
            )
