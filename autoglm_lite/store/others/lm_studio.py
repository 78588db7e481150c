"""LM Studio's models: PUBLISHER/REPOSITORY/FILE.gguf, with projectors beside.

The models' folder is in ~/.lmstudio, before 0.3.6 in ~/.cache/lm-studio, or where ~/.lmstudio-home-pointer says
(lmstudio.ai/docs/app/basics/import-model; lms' own look-up of its home), and the settings may name another
(`downloadsFolder` of settings.json, as programs that read them have it). On its way a file is downloading_NAME.part.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from autoglm_lite.store.others.computer import Computer
from autoglm_lite.store.others.found import Found, grouped, in_folders
from autoglm_lite.store.others.looking import distinct, files, gguf_within, text_within
from autoglm_lite.store.others.settings import json_text

PROGRAM = "LM Studio"
DEPTH = 3


def folders(computer: Computer) -> list[Path]:
    homes = [computer.home / ".lmstudio", computer.home / ".cache" / "lm-studio"]
    pointed = Path((text_within(computer.home / ".lmstudio-home-pointer", computer.home) or "").strip())
    if pointed.is_absolute() and "\0" not in str(pointed):
        homes.insert(0, pointed)
    found = []
    for home in homes:
        found += [home / "models", home / ".internal" / "bundled-models"]
        chosen = Path(json_text(home / "settings.json", "downloadsFolder") or "")
        found += [chosen] if chosen.is_absolute() and "\0" not in str(chosen) else []
    return found


def find(computer: Computer) -> Iterator[Found]:
    for folder in distinct(folders(computer)):
        for here, paths in in_folders(files(folder, DEPTH)).items():
            whole = {path: real for path in paths if (real := gguf_within(path, folder)) is not None}
            for group in grouped(whole):
                yield Found(
                    PROGRAM,
                    name="/".join((*here.relative_to(folder).parts, group.model.stem)),
                    path=group.lies(whole),
                    stem=group.model.stem,
                    mmproj=None if group.mmproj is None else whole[group.mmproj],
                    n_parts=group.n_parts,
                )
