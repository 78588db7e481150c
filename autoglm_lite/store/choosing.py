"""The models that a repository's files are: their types, their parts, and what sees pictures for them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from autoglm_lite.errors import UsageError
from autoglm_lite.gguf.parts import part_names, whole_name
from autoglm_lite.store.hub.repository import HubFile, Repository
from autoglm_lite.store.place import name_from
from autoglm_lite.store.type_names import OUT_OF_USE, fits_wish, type_in

SUFFIX = ".gguf"
_NO_MODEL = ("mmproj", "imatrix", "ggml-vocab")
"""What the names of files have that are GGUFs and no language models."""
_NAMELESS = frozenset({"", "ggml-model", "model", "gguf"})
_PROJECTORS = ("Q8_0", "F16", "BF16", "", "F32")
"""Of what sees pictures, the types that do as well as any, the smallest first; the others lose by it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that can be had, in one type."""

    files: tuple[HubFile, ...]
    """One, or the parts of a split one in order."""
    type: str
    """Such as Q4_K_M or UD-Q4_K_XL, as its name says; empty where it says nothing."""
    n_bytes: int
    name: str
    """Of the stored model."""
    model: str = ""
    """What its name is without the type: the same for all types of a model."""

    @property
    def split(self) -> bool:
        return len(self.files) > 1


def candidates(repository: Repository) -> list[Candidate]:
    """All models of the repository, of each the smallest type first. Split ones of which a part is missing, types that
    are out of use, and files that are no language models are left out."""
    models = [file for file in repository.files if _is_model(file.path)]
    title = re.sub(r"[-_.]?gguf$", "", repository.reference.repo.rpartition("/")[2], flags=re.IGNORECASE)
    found = [_candidate(files, title) for files in _grouped(models)]
    usable = [one for one in found if one.type not in OUT_OF_USE and one.n_bytes > 0]
    return sorted(_told_apart(usable), key=lambda one: (one.model, one.n_bytes, one.split, one.name))


def of_file(found: Iterable[Candidate], path: str) -> Candidate:
    """The one that the file at `path` is, or is a part of. Raises UsageError."""
    here = list(found)
    for one in here:
        if any(file.path == path for file in one.files):
            return one
    raise UsageError(f"{path} is no model there: {_listed([one.files[0].path for one in here])}.")


def of_one_model(found: Sequence[Candidate], repo: str) -> list[Candidate]:
    """Those of the repository's model; where it has several, of the one that it is named after. Raises UsageError
    with what there is where that does not tell."""
    if not found:
        raise UsageError(
            f"{repo} has no GGUF that can be run; look for a repository whose name ends in GGUF, or make one with"
            f" `autoglm-lite convert`."
        )
    by_model: dict[str, list[Candidate]] = defaultdict(list)
    for one in found:
        by_model[one.model].append(one)
    title = re.sub(r"[-_.]?gguf$", "", repo.rpartition("/")[2].lower())
    if len(by_model) == 1:
        return list(found)
    if title in by_model:
        return by_model[title]
    examples = [one[0].files[0].path for one in by_model.values()]
    raise UsageError(f"{repo} has several models; give one of their files behind the name: {_listed(examples)}.")


def of_type(found: Sequence[Candidate], wish: str, repo: str) -> Candidate:
    """Of one model the one in the type asked for. Raises UsageError with the types that there are."""
    near = {i: closeness for i, one in enumerate(found) if (closeness := fits_wish(one.type, wish)) is not None}
    if not near:
        types = [one.type or one.files[0].path for one in found]
        raise UsageError(f"{repo} has no {wish}: {_listed(types)}.")
    return found[min(near, key=lambda i: (near[i], found[i].n_bytes))]


def mmproj_of(repository: Repository, candidate: Candidate | None = None) -> HubFile | None:
    """What sees pictures for the repository's models, or for that one of them; None without any."""
    seeing = [file for file in repository.files if _is_gguf(file.path) and "mmproj" in file.path.lower()]
    if candidate is not None:
        seeing = _nearest(seeing, candidate)
    return min(seeing, key=_projector_rank, default=None)


def _is_gguf(path: str) -> bool:
    return path.lower().endswith(SUFFIX)


def _is_model(path: str) -> bool:
    return _is_gguf(path) and not any(word in path.lower() for word in _NO_MODEL)


def _grouped(files: Sequence[HubFile]) -> Iterator[tuple[HubFile, ...]]:
    """Single files, and the parts of split ones where all are there."""
    by_path = {file.path: file for file in files}
    for file in files:
        folder = PurePosixPath(file.path).parent
        parts = [by_path.get(str(folder / name)) for name in part_names(PurePosixPath(file.path).name)]
        if not parts:
            yield (file,)
        elif parts[0] is file and None not in parts:
            yield tuple(part for part in parts if part is not None)


def _candidate(files: tuple[HubFile, ...], title: str) -> Candidate:
    path = PurePosixPath(files[0].path)
    stem = whole_name(path.name)[: -len(SUFFIX)]
    named = type_in(stem)
    # Some have a folder for each type, and the same name in all of them.
    type_, rest = named or ("", stem)
    if named is None:
        for folder in reversed(path.parts[:-1]):
            if found := type_in(folder):
                type_ = found[0]
                break
    if rest.lower() in _NAMELESS:
        rest = title
        stem = f"{title}-{type_}" if type_ else title
    elif named is None and type_:
        stem = f"{stem}-{type_}"
    try:
        name = name_from(stem)
    except UsageError:
        name = name_from(f"{title}-{type_ or 'model'}")
    return Candidate(files, type_, sum(file.n_bytes for file in files), name, rest.lower())


def _told_apart(found: Sequence[Candidate]) -> Iterator[Candidate]:
    """Two of one name get their folders in front."""
    names = [one.name.lower() for one in found]
    for one, name in zip(found, names, strict=True):
        folders = PurePosixPath(one.files[0].path).parts[:-1]
        if names.count(name) == 1 or not folders:
            yield one
        else:
            yield replace(one, name=name_from("-".join([*folders, one.name])), model="/".join([*folders, one.model]))


def _nearest(seeing: list[HubFile], candidate: Candidate) -> list[HubFile]:
    """Those in the model's folder, of these those that have its name, if there are any such."""
    folder = PurePosixPath(candidate.files[0].path).parent
    near = [file for file in seeing if PurePosixPath(file.path).parent == folder] or seeing
    model = candidate.model.rpartition("/")[2]
    return [file for file in near if model and model in file.path.lower()] or near


def _projector_rank(file: HubFile) -> tuple[int, int, str]:
    found = type_in(PurePosixPath(file.path).name[: -len(SUFFIX)])
    type_ = "" if found is None else found[0]
    return _PROJECTORS.index(type_) if type_ in _PROJECTORS else len(_PROJECTORS), file.n_bytes, file.path


def _listed(names: Sequence[str], most: int = 12) -> str:
    if not names:
        return "there is none"
    shown = list(dict.fromkeys(names))
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return f"there are {', '.join(shown[:most])}{more}" if len(shown) > 1 else f"there is {shown[0]}"
