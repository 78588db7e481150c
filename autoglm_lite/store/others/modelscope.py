"""ModelScope's cache.

Newer versions have models/ORG--REPO/snapshots/REVISION/FILE in ~/.cache/modelscope (modelscope_hub/_download.py of
modelscope_hub 0.5), older ones hub/models/ORG/REPO/FILE or hub/ORG/REPO/FILE, where points in REPO are written as
three underscores; a link of the real name lies beside, which is not followed (modelscope/hub/utils/utils.py).
MODELSCOPE_CACHE names the folder, in some versions with hub in it (modelscope/utils/file_utils.py). On its way a file
is FILE.incomplete, or lies in ._____temp.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from autoglm_lite.store.others.computer import Computer
from autoglm_lite.store.others.found import Found, grouped, in_folders, stem_of
from autoglm_lite.store.others.looking import distinct, entries, files, gguf_within

PROGRAM = "ModelScope cache"
DEPTH = 3
MAIN = "master"
MOST_REVISIONS = 50
_PART = re.compile(r"\w[\w.-]{0,95}")
_REPOSITORY = re.compile(r"(\w[\w.-]{0,95}?)--(\w[\w.-]{0,95})")
_NO_ORGANISATION = frozenset({"models", "datasets", "hub", "temp"})


def folders(computer: Computer) -> list[Path]:
    roots = [*computer.named("MODELSCOPE_CACHE"), computer.home / ".cache" / "modelscope"]
    return [root / within for root in roots for within in ("models", "hub/models", "hub")]


def find(computer: Computer) -> Iterator[Found]:
    for folder in distinct(folders(computer)):
        for name in entries(folder):
            here, repository = folder / name, _REPOSITORY.fullmatch(name)
            if not _PART.fullmatch(name) or name in _NO_ORGANISATION or here.is_symlink():
                continue
            if repository is not None and (here / "snapshots").is_dir():
                yield from _in_snapshots(here / "snapshots", f"{repository[1]}/{repository[2]}")
                continue
            for repo in entries(here):
                if _PART.fullmatch(repo) and not (here / repo).is_symlink():
                    yield from _in_repository(here / repo, f"{name}/{repo}".replace("___", "."))


def _in_snapshots(folder: Path, repo: str) -> Iterator[Found]:
    """Of each revision, that of the main branch first."""
    revisions = sorted(filter(_PART.fullmatch, entries(folder)), key=lambda name: name != MAIN)[:MOST_REVISIONS]
    for revision in revisions:
        if not (folder / revision).is_symlink():
            yield from _in_repository(folder / revision, repo, "" if revision == revisions[0] else revision[:7])


def _in_repository(folder: Path, repo: str, revision: str = "") -> Iterator[Found]:
    for paths in in_folders(files(folder, DEPTH)).values():
        whole = {path: real for path in paths if (real := gguf_within(path, folder)) is not None}
        for group in grouped(whole):
            within = group.model.relative_to(folder).as_posix()
            yield Found(
                PROGRAM,
                name=f"{repo}/{within.rpartition('.')[0]}{revision and '@' + revision}",
                path=group.lies(whole),
                stem=stem_of(group.model.stem, repo) + (revision and "-" + revision),
                mmproj=None if group.mmproj is None else whole[group.mmproj],
                source=f"ms:{repo}/{within}",
                n_parts=group.n_parts,
            )
