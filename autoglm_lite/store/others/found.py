"""A model that another program has, and which files belong together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_SPLIT = re.compile(r"(.+)-(\d{5})-of-(\d{5})", re.IGNORECASE)
_NO_MODEL = re.compile(r"imatrix|(^|[-_/.])(mtp|eagle3|dflash|dspark)-", re.IGNORECASE)
"""Measurements and helpers of other models, by the names that llama.cpp passes over (common/download.cpp)."""
PROJECTOR = "mmproj"
_HEADER_BYTES = 24
"""Before the first key: magic, version, and how many tensors and keys there are."""
_CLIP = b"\x14\0\0\0\0\0\0\0general.architecture\x08\0\0\0\x04\0\0\0\0\0\0\0clip"
"""A key's length and name, its type (8: text), and the text."""


@dataclass(frozen=True, slots=True)
class Found:
    program: str
    name: str
    """As its program calls it: llama3.2:1b, or org/repo/file."""
    path: Path
    """The file itself, where it really lies; of a split model the first part, by the name that tells which it is."""
    stem: str
    """What the file would be called if it were only a file."""
    sha256: str | None = None
    """Where the program keeps files by it."""
    mmproj: Path | None = None
    """What sees pictures for it."""
    mmproj_sha256: str | None = None
    source: str | None = None
    """A reference such as hf:org/repo/file.gguf."""
    licence: str | None = None
    n_parts: int = 1


@dataclass(frozen=True, slots=True)
class Group:
    """Files of one model."""

    model: Path
    mmproj: Path | None
    n_parts: int

    def lies(self, whole: Mapping[Path, Path]) -> Path:
        """As Found has it."""
        return whole[self.model] if self.n_parts == 1 else self.model


def grouped(whole: Mapping[Path, Path], *, mixed: bool = False) -> Iterator[Group]:
    """The models among GGUFs of one folder, each with its projector. `whole`: where each really lies. `mixed`: the
    folder holds models of all kinds, so a projector belongs only to those whose name its own begins with; else it may
    be of any that lie beside it."""
    everything = [path for path in whole if not _NO_MODEL.search(path.name)]
    projectors = [path for path in everything if PROJECTOR in path.name.lower() or is_projector(whole[path])]
    for path in everything:
        split = _SPLIT.fullmatch(path.stem)
        if path in projectors or (split and int(split[2]) != 1):
            continue
        yield Group(path, _projector_of(path, projectors, mixed), int(split[3]) if split else 1)


def is_projector(path: Path) -> bool:
    """Whether the first that the file says of itself is that it is what sees pictures: so all tools write it."""
    with suppress(OSError), path.open("rb") as file:
        return file.read(_HEADER_BYTES + len(_CLIP)).endswith(_CLIP)
    return False


def _projector_of(model: Path, projectors: list[Path], mixed: bool) -> Path | None:
    name = model.name.lower()

    def fits(path: Path) -> bool:
        before = path.name.lower().partition(PROJECTOR)[0]
        return bool(before or not mixed) and name.startswith(before)

    fitting = [path for path in projectors if fits(path)] or ([] if mixed else projectors)
    return min(fitting, key=_likeable, default=None)


def _likeable(path: Path) -> tuple[bool, str]:
    """F16 first: old processors are slow at BF16, and F32 is twice as large."""
    name = path.name.lower()
    return not ("f16" in name and "bf16" not in name), name


def stem_of(file: str, repo: str) -> str:
    """The file's, or where that does not say of which model it is, as model-Q4_K_M, with the repository's name."""
    nameless = re.fullmatch(r"(?:ggml-)?model[-_.]?(.*)", file, re.IGNORECASE)
    if nameless is None:
        return file
    title = re.sub(r"[-_.]?gguf$", "", repo.partition("/")[2], flags=re.IGNORECASE)
    return f"{title}-{nameless[1]}".rstrip("-")


def in_folders(paths: Iterable[Path]) -> dict[Path, list[Path]]:
    """By the folder they are in."""
    found: dict[Path, list[Path]] = {}
    for path in paths:
        found.setdefault(path.parent, []).append(path)
    return found
