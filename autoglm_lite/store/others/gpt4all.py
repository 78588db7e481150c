"""GPT4All's models: files in one folder.

By default Qt's AppLocalDataLocation, else what `modelPath` of its settings says; on its way a file is incomplete-NAME
(nomic-ai/gpt4all: gpt4all-chat/src/mysettings.cpp, modellist.cpp). Its Python package has ~/.cache/gpt4all
(gpt4all-bindings/python/gpt4all/gpt4all.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from autoglm_lite.store.others.computer import Computer
from autoglm_lite.store.others.found import Found, grouped
from autoglm_lite.store.others.looking import distinct, files, gguf_within
from autoglm_lite.store.others.settings import ini_text

PROGRAM = "GPT4All"


def folders(computer: Computer) -> list[Path]:
    chosen = Path(ini_text(computer.config() / "nomic.ai" / "GPT4All.ini", "modelPath") or "")
    return [
        *([chosen] if chosen.is_absolute() and "\0" not in str(chosen) else []),
        computer.local_data() / "nomic.ai" / "GPT4All",
        computer.home / ".cache" / "gpt4all",
    ]


def find(computer: Computer) -> Iterator[Found]:
    for folder in distinct(folders(computer)):
        yield from in_one_folder(folder, PROGRAM)


def in_one_folder(folder: Path, program: str) -> Iterator[Found]:
    """The models of a folder that holds models of all kinds."""
    whole = {path: real for path in files(folder, depth=0) if (real := gguf_within(path, folder)) is not None}
    for group in grouped(whole, mixed=True):
        yield Found(
            program,
            name=group.model.stem,
            path=group.lies(whole),
            stem=group.model.stem,
            mmproj=None if group.mmproj is None else whole[group.mmproj],
            n_parts=group.n_parts,
        )
