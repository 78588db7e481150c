"""From what the user calls a model to its file."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Container
from contextlib import suppress
from pathlib import Path

from autoglm_lite import paths
from autoglm_lite.errors import ModelFileError, UsageError, WillNotFitError
from autoglm_lite.hardware.machine import read_machine
from autoglm_lite.planning.make import Wishes, decide
from autoglm_lite.store.facts import stored_facts
from autoglm_lite.store.reference import read_reference

MOST_TOLD = 8
"""Names of stored models in a sentence."""
SUFFIX = ".gguf"


def models_dir() -> Path:
    return paths.data_dir() / "models"


def starter_path() -> Path:
    """The model that comes with the program."""
    return Path(__file__).parent.parent / "data" / "starter.gguf"


def is_starter(path: Path) -> bool:
    return path.absolute() == starter_path().absolute()


def stored_models() -> list[Path]:
    """The files of all stored models, in order of their names."""
    folder = models_dir()
    try:
        return sorted(path for path in folder.glob("*" + SUFFIX) if path.is_file()) if folder.is_dir() else []
    except OSError:
        return []


def make_models_dir() -> None:
    """So that the user finds the folder that the manual names; where it cannot be made there are no stored models."""
    with suppress(OSError):
        paths.private_dir(models_dir())


def is_ours(path: Path) -> bool:
    """Whether it is in the models' folder, be it as a link."""
    return path.suffix == SUFFIX and path.absolute().parent == models_dir().absolute() and not is_starter(path)


def stored(name: str) -> Path:
    """The stored model that is called `name`, with or without .gguf, or has that path; also a link that leads nowhere.

    Raises ModelFileError with what is stored where there is none.
    """
    folder = models_dir()
    for path in (folder / (name + SUFFIX), folder / name, Path(name)):
        if is_ours(path) and not _is_path(path.name):
            with suppress(OSError, ValueError):
                path.lstat()
                return folder / path.name
    raise ModelFileError(f"No stored model is called {name[:200]} ({_known_beside(name)}).")


def resolve(
    name: str | None,
    wishes: Wishes | None = None,
    passed_over: Callable[[str], object] = lambda _: None,
    in_memory: Container[str] = (),
) -> Path:
    """The model's file: a path that exists is taken as it is, a name is looked up among the stored models, a reference
    is what was pulled from there, and None is the largest stored model that writes text and fits into memory, else the
    starter. `passed_over` gets a sentence for each larger one. `in_memory`: names of stored models that need no more
    memory, since a service has them there.

    Raises UsageError for a name that cannot be one, ModelFileError for one that names nothing.
    """
    if name is None:
        return _best(wishes or Wishes(), passed_over, in_memory) or starter_path()
    if not name or "\0" in name:
        raise UsageError("The name of the model is empty: give a path or the name of a stored model.")
    if re.match(r"(hf|ms):|https?://", name):
        return _from_afar(name)
    try:
        path = Path(name).expanduser()
        if path.exists():
            return path
    except (OSError, RuntimeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ModelFileError(f"The path {name[:200]} cannot be followed ({why}); check it.") from error
    if _is_path(name):
        raise ModelFileError(f"There is no file {path}; check the path.")
    for stored in (models_dir() / name, models_dir() / (name + SUFFIX)):
        with suppress(OSError):
            if stored.is_file():
                return stored
    raise ModelFileError(_unknown(name))


def _from_afar(name: str) -> Path:
    """The stored model that came from there."""
    from autoglm_lite.store.origins import stored_from

    reference = read_reference(name)
    path = None if reference is None else stored_from(reference)
    if path is None:
        raise ModelFileError(f"{reference} is not on this computer yet: `autoglm-lite pull {reference}` gets it.")
    return path


def _is_path(name: str) -> bool:
    separators = {os.sep, os.altsep or os.sep, "/"}
    return name in (".", "..") or any(separator in name for separator in separators)


def _best(wishes: Wishes, passed_over: Callable[[str], object], in_memory: Container[str]) -> Path | None:
    machine = read_machine()
    for path in sorted(stored_models(), key=_size, reverse=True):
        try:
            facts = stored_facts(path)
            if facts.use != "chat":
                continue
            if path.stem not in in_memory:
                decide(facts, machine, wishes)
        except (ModelFileError, WillNotFitError, UsageError) as error:
            passed_over(f"The stored model {path.stem} is passed over: {error}")
            continue
        return path
    return None


def _size(path: Path) -> int:
    """Bytes; 0 where it was removed this moment."""
    with suppress(OSError):
        return path.stat().st_size
    return 0


def _unknown(name: str) -> str:
    return f"There is no file and no stored model called {name} ({_known_beside(name)}): give the path of a .gguf file."


def _known_beside(name: str) -> str:
    """What is stored; of many models those whose names are the nearest."""
    from difflib import SequenceMatcher

    names = [path.stem for path in stored_models()]
    if not names:
        return f"none is stored yet in {models_dir()}"
    matcher = SequenceMatcher(b=name.lower())

    def distance(stored: str) -> float:
        matcher.set_seq1(stored.lower())
        return -matcher.ratio()

    told = names if len(names) <= MOST_TOLD else sorted(names, key=distance)[:MOST_TOLD]
    more = f" and {len(names) - len(told):,} more" if len(told) < len(names) else ""
    shown = ("".join(c if c.isprintable() else "\ufffd" for c in one) for one in told)
    return f"stored are {', '.join(shown)}{more}"
