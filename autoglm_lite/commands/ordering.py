"""From what a user wants to what is to be fetched for it, and what it will be here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from autoglm_lite.errors import StoreError, UsageError
from autoglm_lite.store.download.fetch import Source
from autoglm_lite.store.hub.access import address_of
from autoglm_lite.store.manifest import read_manifest
from autoglm_lite.store.pulling import Order
from autoglm_lite.store.reference import HubReference, LocalReference, Reference, WebReference, read_reference

if TYPE_CHECKING:
    from autoglm_lite.commands.prospect import Prospect
    from autoglm_lite.store.choosing import Candidate
    from autoglm_lite.store.hub.client import Client
    from autoglm_lite.store.hub.repository import HubFile, Repository

Q4_SHARE = 0.31
"""Of a checkpoint with 16 bits a weight, what Q4_K_M makes of it."""
RESERVE_BYTES = 100_000_000
"""Of the disk, left to others."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A model that is to come, and what it will be here."""

    order: Order
    prospect: Prospect
    others: Sequence[Candidate]
    """What else is there."""


def reference_of(text: str) -> Reference:
    """What the user means. Raises UsageError."""
    from autoglm_lite.profiles.named import known_reference

    found = read_reference(text)
    if found is None:
        return known_reference(text)
    if isinstance(found, LocalReference):
        path = found.path.expanduser()
        if not path.exists() and re.fullmatch(r"\w[\w.-]*/[\w.-]+(?<!\.gguf)", text):
            raise UsageError(f"There is no file {text}; if it is a repository of Hugging Face, write hf:{text}.")
        return LocalReference(path)
    return found


def of_hub(reference: HubReference, repository: Repository, client: Client, models: Path) -> Wanted:
    """Raises DownloadError, ModelFileError, StoreError, UsageError."""
    from autoglm_lite.commands.prospect import prospect
    from autoglm_lite.planning.make import Wishes
    from autoglm_lite.store.choosing import candidates

    others = candidates(repository)
    if not others:
        raise _no_gguf(reference, repository)
    found = prospect(repository, reference, client, Wishes())
    hub, repo = reference.hub, reference.repo
    candidate = found.candidate
    first = str(HubReference(hub, repo, candidate.files[0].path))
    name = _free_name(models, candidate.name, repo.split("/")[0], first)

    def source(file: HubFile) -> Source:
        address = address_of(HubReference(hub, repo, file.path), repository.revision, client.access)
        return Source(address, name, file.n_bytes, file.sha256)

    order = Order(
        name=name,
        parts=tuple(map(source, candidate.files)),
        mmproj=None if found.mmproj is None else source(found.mmproj),
        source=first,
        revision=repository.revision,
        licence=repository.licence,
    )
    return Wanted(order, found, others)


def of_web(reference: WebReference, client: Client, models: Path) -> Wanted:
    """One file from any server. Raises DownloadError, ModelFileError, UsageError."""
    from autoglm_lite.commands.prospect import prospect_of
    from autoglm_lite.planning.make import Wishes
    from autoglm_lite.store.choosing import Candidate
    from autoglm_lite.store.hub.asking import patiently
    from autoglm_lite.store.hub.header import remote_facts
    from autoglm_lite.store.hub.repository import HubFile
    from autoglm_lite.store.place import name_from
    from autoglm_lite.store.type_names import type_in

    file = PurePosixPath(unquote(urlsplit(reference.address).path)).name
    if not file.lower().endswith(".gguf"):
        raise UsageError("That is no address of a model: it has to end in .gguf.")
    stem = name_from(file[: -len(".gguf")])
    name = _free_name(models, stem, urlsplit(reference.address).hostname or "", str(reference))
    n_bytes, sha256 = patiently(lambda: _measured(reference.address, client, name))
    named = type_in(stem)
    candidate = Candidate((HubFile(file, n_bytes, sha256),), named[0] if named else "", n_bytes, name)
    found = prospect_of(
        [candidate], candidate, lambda _: remote_facts(reference.address, n_bytes, client, name), Wishes()
    )
    return Wanted(Order(name, (Source(reference.address, name, n_bytes, sha256),), None, str(reference)), found, ())


def _measured(address: str, client: Client, label: str) -> tuple[int, str | None]:
    """Bytes of the file there, and its SHA-256 where that is told. Raises DownloadError, CutError."""
    from autoglm_lite.store.hub.client import failure

    answer = client.open(address, label, begin=0, end=1)
    with answer.response as response:
        told = response.headers.get("Content-Range", "").rpartition("/")[2]
        if not told and response.status == 200:
            told = response.headers.get("Content-Length", "")
        if answer.identity is not None:
            return answer.identity.n_bytes, answer.identity.sha256
        if not re.fullmatch(r"[1-9]\d{0,13}", told):
            raise failure("listing", address, label, why="it does not say how large it is")
        return int(told), None


def too_little_room(wanted: Wanted, came: int, free: int) -> StoreError | None:
    """`came`: bytes of it that the disk has already; `free`: those it has left."""
    from autoglm_lite.commands.prospect import disk_bytes
    from autoglm_lite.planning.make import in_words

    needed = max(0, wanted.prospect.needed - came) + RESERVE_BYTES
    if needed <= free:
        return None
    smaller = [one for one in wanted.others if one.type and disk_bytes(one, None) + RESERVE_BYTES <= free]
    best = max(smaller, key=lambda one: one.n_bytes, default=None)
    advice = "" if best is None else f", or ask for :{best.type}, {in_words(best.n_bytes)}"
    return StoreError(
        f"The disk has too little room: {in_words(needed)} are needed, {in_words(RESERVE_BYTES)} of which stay free,"
        f" and {in_words(free)} are free; make room{advice}."
    )


def _no_gguf(reference: HubReference, repository: Repository) -> StoreError:
    from autoglm_lite.planning.make import in_words

    at = f"{reference.hub}:{reference.repo}"
    shards = [file.n_bytes for file in repository.files if file.path.endswith(".safetensors")]
    if not shards:
        return StoreError(f"{at} has no model that can be run: look for a repository whose name ends in GGUF.")
    out = Q4_SHARE * sum(shards)
    return StoreError(
        f"{at} has no GGUF but a checkpoint of {in_words(sum(shards))}: `autoglm-lite convert {at}` makes a GGUF of"
        f" about {in_words(out)} of it and needs {in_words(out + max(shards))} of the disk meanwhile; or look for a"
        " repository whose name ends in GGUF."
    )


def _free_name(models: Path, name: str, maker: str, source: str) -> str:
    """`name`, or with its maker in front where another model has it. Raises StoreError."""
    from autoglm_lite.store.place import name_from

    for one in (name, name_from(f"{maker}-{name}")):
        path = models / f"{one}.gguf"
        known = read_manifest(models, one)
        if not (path.exists() or path.is_symlink()) or (known is not None and known.source == source):
            return one
    raise StoreError(f"Another model is called {name} already: remove it with `autoglm-lite models rm {name}`.")
