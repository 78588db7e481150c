"""A checkpoint of a hub: its small files and the headers of its shards come first, so that all can be planned."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from autoglm_lite.errors import ConversionError
from autoglm_lite.store.download.fetch import Fetch
from autoglm_lite.store.download.source import Source
from autoglm_lite.store.hub.access import address_of
from autoglm_lite.store.hub.failures import DownloadError
from autoglm_lite.store.hub.repository import HubFile, Repository
from autoglm_lite.store.place import check
from autoglm_lite.store.reference import HubReference, read_reference
from converters.checkpoint import HEADER_LIMIT, INDEX, SourceTensor, read_index
from converters.config import CONFIG_LIMIT, TOKENIZER_LIMIT
from converters.streaming.ranges import Reach, read_range
from converters.streaming.waiting import run_fetch
from converters.streaming.work import Work

SMALL = frozenset(
    {
        "README.md",
        "added_tokens.json",
        "chat_template.jinja",
        "chat_template.json",
        "config.json",
        "generation_config.json",
        "merges.txt",
        "preprocessor_config.json",
        "processor_config.json",
        "qwen.tiktoken",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer.model",
        "tokenizer_config.json",
        "video_preprocessor_config.json",
        "vocab.json",
        INDEX,
    }
)
"""What of a checkpoint the converter reads beside the weights: nothing else is fetched."""

TEMPLATES = "additional_chat_templates/"
FIRST_BYTES = 1 << 16
"""Of a shard, asked for at once: most headers are shorter."""
RANGE_BYTES = 4 << 20

Spans = dict[str, list[tuple[int, int]]]
"""By the name of a shard: from where to where its bytes are in the checkpoint's folder, ahead of it."""


@dataclass(frozen=True, slots=True)
class Remote:
    """The repository as it was when the work began, and the shards of its checkpoint."""

    repository: Repository
    work: Work
    sources: Mapping[Path, Source]
    """Of the shards, by where the checkpoint has them."""

    @property
    def reference(self) -> HubReference:
        return self.repository.reference


def prepare(
    work: Work,
    reach: Reach,
    listing: Callable[[], Repository],
    waiting: Callable[[], None] = lambda: None,
) -> Remote:
    """Has the folder of `work` be a checkpoint that can be planned. What an earlier run found there counts, so that
    both make the same of the same revision; else `listing` is asked.

    Raises ConversionError for a repository without one, DownloadError, OSError.
    """
    repository = _listed(work, listing)
    refuse(repository)
    _fetch_small(repository, work, reach, waiting)
    sources = _shards(repository, work, reach)
    for path, source in sources.items():
        waiting()
        _fetch_header(path, source, work, reach)
    return Remote(repository, work, sources)


@contextmanager
def doubted(work: Work) -> Iterator[None]:
    """Where the hub turns out to have other files by now than `work` knows, the next run asks it again."""
    try:
        yield
    except DownloadError as error:
        if error.kind in ("missing", "wrong", "changed"):
            with suppress(OSError):
                work.note(doubted=True)
        raise


def refuse(repository: Repository) -> None:
    """Raises ConversionError for what is no checkpoint of safetensors."""
    names = [file.path for file in repository.files]
    if any(name.endswith(".safetensors") for name in names) and "config.json" in names:
        return
    if any(name.lower().endswith(".gguf") for name in names):
        raise ConversionError(
            f"{repository.reference} has GGUF files, which need no conversion: "
            f"get one with `autoglm-lite pull {repository.reference}`."
        )
    raise ConversionError(
        f"{repository.reference} has no config.json with safetensors files, and nothing else is converted: pickles, "
        "programs and archives are not even fetched. Look for a release of this model that has them."
    )


def fetch_apart(tensors: Iterable[SourceTensor], remote: Remote, reach: Reach, waiting: Callable[[], None]) -> None:
    """Puts the data of `tensors` into the checkpoint's folder, ahead of their shards. Raises DownloadError, OSError."""
    for tensor in tensors:
        waiting()
        end = tensor.offset + tensor.nbytes
        _fetch_span(tensor.path, remote.sources[tensor.path], (tensor.offset, end), remote.work, reach)


def spans(work: Work) -> Spans:
    """What is in the checkpoint's folder of the shards."""
    return {name: [(begin, end) for begin, end in found] for name, found in work.known().get("spans", {}).items()}


def _listed(work: Work, listing: Callable[[], Repository]) -> Repository:
    known = work.known()
    before = _remembered(known)
    if before is not None and not known.get("doubted"):
        return before
    found = listing()
    if found != before:
        work.forget()
    work.note(repository={**asdict(found), "reference": str(found.reference)}, doubted=False)
    return found


def _remembered(known: Mapping[str, Any]) -> Repository | None:
    try:
        found = known["repository"]
        reference = read_reference(found["reference"])
        if isinstance(reference, HubReference):
            files = tuple(HubFile(**file) for file in found["files"])
            return Repository(**{**found, "reference": reference, "files": files})
    except (KeyError, TypeError, AttributeError):
        pass
    return None


def _fetch_small(repository: Repository, work: Work, reach: Reach, waiting: Callable[[], None]) -> None:
    for file in repository.files:
        extra = re.fullmatch(TEMPLATES + r"[^/]+\.jinja", file.path)
        if file.path not in SMALL and not extra:
            continue
        limit = TOKENIZER_LIMIT if file.path.startswith(("tokenizer.", "vocab.", "merges.", "qwen.")) else CONFIG_LIMIT
        if file.n_bytes > limit:
            raise ConversionError(
                f"{file.path} of {repository.reference} is {file.n_bytes} bytes long, more than the {limit} that make "
                "sense; take another release of this model."
            )
        folder = work.checkpoint / TEMPLATES if extra else work.checkpoint
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = file.path.removeprefix(TEMPLATES)
        if (folder / name).exists():
            continue
        waiting()
        source = _source(repository, file, reach)
        if file.sha256 is None:
            # In one go, as the hub keeps it with the repository's history and tells no checksum.
            new = folder / (name + ".new")
            new.write_bytes(read_range(source, 0, file.n_bytes, reach))
            new.replace(folder / name)
        else:
            run_fetch(Fetch(source, folder, name, reach.client, reach.patience), waiting)


def _source(repository: Repository, file: HubFile, reach: Reach) -> Source:
    reference = HubReference(repository.reference.hub, repository.reference.repo, file.path)
    label = f"{file.path} of {repository.reference}"
    return Source(address_of(reference, repository.revision, reach.client.access), label, file.n_bytes, file.sha256)


def _shards(repository: Repository, work: Work, reach: Reach) -> dict[Path, Source]:
    listed = {file.path: file for file in repository.files}
    index = work.checkpoint / INDEX
    if INDEX in listed:
        names = sorted(set(read_index(index).values()))
    else:
        names = sorted(name for name in listed if re.fullmatch(r"model[^/]*\.safetensors", name))
    if missing := [name for name in names if name not in listed]:
        raise ConversionError(f"{missing[0]} is not in {repository.reference} although {INDEX} lists it.")
    sources = {work.checkpoint / check(name): _source(repository, listed[name], reach) for name in names}
    return {path: replace(source, must_be_checked=True) for path, source in sources.items()}


def _fetch_header(path: Path, source: Source, work: Work, reach: Reach) -> None:
    """Makes `path` a file of the shard's length that has its header. Raises ConversionError, DownloadError."""
    assert source.n_bytes is not None
    if spans(work).get(path.name):
        return
    first = _fetch_span(path, source, (0, min(FIRST_BYTES, source.n_bytes)), work, reach, keep=False)
    end = 8 + int.from_bytes(first[:8], "little")
    if not 8 < end <= min(source.n_bytes, HEADER_LIMIT):
        raise ConversionError(f"{source.label} is no sound safetensors file: its header ends at {end}.")
    if end > len(first):
        _fetch_span(path, source, (len(first), end), work, reach)
    _note_span(path, (0, end), work)


def _fetch_span(
    path: Path, source: Source, span: tuple[int, int], work: Work, reach: Reach, *, keep: bool = True
) -> bytes:
    """The first bytes of the span, which is in the file then."""
    begin, end = span
    first = b""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    if any(start <= begin and end <= stop for start, stop in spans(work).get(path.name, [])):
        return first
    with os.fdopen(os.open(path, flags, 0o600), "r+b") as file:
        file.truncate(source.n_bytes)
        for at in range(begin, end, RANGE_BYTES):
            found = read_range(source, at, min(at + RANGE_BYTES, end), reach)
            first = first or found
            file.seek(at)
            file.write(found)
        file.flush()
        os.fsync(file.fileno())
    if keep:
        _note_span(path, span, work)
    return first


def _note_span(path: Path, span: tuple[int, int], work: Work) -> None:
    found = spans(work)
    found.setdefault(path.name, []).append(span)
    work.note(spans=found)
