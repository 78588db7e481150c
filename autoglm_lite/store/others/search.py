"""All programs' models, each file once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from autoglm_lite.store.others import gpt4all, hugging_face, jan, llama_cpp, lm_studio, modelscope, ollama
from autoglm_lite.store.others.computer import Computer
from autoglm_lite.store.others.found import Found

FINDERS: tuple[Callable[[Computer], Iterator[Found]], ...] = (
    ollama.find,
    lm_studio.find,
    hugging_face.find,
    modelscope.find,
    gpt4all.find,
    jan.find,
    llama_cpp.find,
)
FOLDERS: tuple[Callable[[Computer], list[Path]], ...] = (
    ollama.folders,
    lm_studio.folders,
    hugging_face.folders,
    modelscope.folders,
    gpt4all.folders,
    jan.folders,
    llama_cpp.folders,
)
QUICK: dict[str, Callable[[Computer], Iterator[Found]]] = {
    ollama.PROGRAM: ollama.find,
    lm_studio.PROGRAM: lm_studio.find,
    gpt4all.PROGRAM: gpt4all.find,
    jan.PROGRAM: jan.find,
}
"""Those whose first model is found after a look into few folders; the caches hold much else."""


def find_models(computer: Computer) -> list[Found]:
    """A file that several programs have, by its place on the disk or by its digest, is told once, as the first of them
    calls it."""
    found: list[Found] = []
    seen: set[object] = set()
    for finder in FINDERS:
        for one in finder(computer):
            with suppress(OSError):
                status = one.path.stat()
                marks = {(status.st_dev, status.st_ino), *([] if one.sha256 is None else [one.sha256])}
                if not marks & seen:
                    found.append(one)
                seen |= marks
    return found


def programs_with_models(computer: Computer) -> list[str]:
    """Of QUICK, those that have any."""
    return [program for program, finder in QUICK.items() if next(finder(computer), None) is not None]


def locked_folders(computer: Computer) -> list[Path]:
    """Folders of programs that this user may not look into, as that of Ollama's service on some systems."""
    return [
        folder for folder in dict.fromkeys(one for places in FOLDERS for one in places(computer)) if _locked(folder)
    ]


def _locked(folder: Path) -> bool:
    try:
        with os.scandir(folder):
            return False
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
