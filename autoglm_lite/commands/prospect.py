"""What a model far away would be on this machine, said before a byte of it is fetched."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from autoglm_lite.gguf.facts import ModelFacts
    from autoglm_lite.hardware.machine import Machine
    from autoglm_lite.planning.make import Verdict, Wishes
    from autoglm_lite.store.choosing import Candidate
    from autoglm_lite.store.hub.client import Client
    from autoglm_lite.store.hub.repository import HubFile, Repository
    from autoglm_lite.store.preferring import Judged
    from autoglm_lite.store.reference import HubReference

    Look = Callable[[Candidate], ModelFacts]


@dataclass(frozen=True, slots=True)
class Prospect:
    """The model to get, and what it will be here."""

    candidate: Candidate
    mmproj: HubFile | None
    """What sees pictures for it."""
    facts: ModelFacts
    """Those of this type foreseen, where the header of another one was read."""
    verdict: Verdict
    decode: float | None
    """Tokens per second; None where unknown."""
    needed: int
    """Bytes of the disk at most, while it comes."""
    sentences: tuple[str, ...]
    """The choice and why, what it will take and how fast it will be, the licence; each whole."""
    instead: str | None
    """What to do where it will not fit into the memory; None where it does."""

    @property
    def fits(self) -> bool:
        return self.verdict in ("fits", "tight")


def prospect(
    repository: Repository,
    reference: HubReference,
    client: Client,
    wishes: Wishes,
    profile: str | None = None,
) -> Prospect:
    """Of the model that `reference` means: its file, its type, or the best type for this machine.

    Reads one header over the line. Raises UsageError with what there is where nothing is meant, ModelFileError for
    what cannot run, DownloadError.
    """
    from autoglm_lite.store.choosing import candidates, mmproj_of, of_file, of_one_model, of_type

    found = candidates(repository)
    taken = None
    if reference.file is not None:
        taken = of_file(found, reference.file)
        found = [one for one in found if one.model == taken.model]
    else:
        found = of_one_model(found, reference.repo)
        if reference.type is not None:
            taken = of_type(found, reference.type, reference.repo)

    def look(candidate: Candidate) -> ModelFacts:
        return facts_there(repository, candidate, client)

    def seeing(candidate: Candidate) -> HubFile | None:
        return mmproj_of(repository, candidate)

    licence = f"Its licence is {repository.licence}." if repository.licence else "Its page names no licence."
    there = prospect_of(found, taken, look, wishes, profile, seeing=seeing, licence=licence)
    path = Path(str(_reference(repository, there.candidate.files[0])))
    return replace(there, facts=replace(there.facts, path=path))


def far_away(text: str, wishes: Wishes, profile: str | None, environ: Mapping[str, str]) -> Prospect | None:
    """Of a reference to a hub, or the name of a model of the list that is not stored; None for what is here. Raises as
    `prospect`."""
    from autoglm_lite.errors import ModelFileError, UsageError
    from autoglm_lite.profiles.named import known_reference
    from autoglm_lite.store.hub.access import read_access
    from autoglm_lite.store.hub.client import Client
    from autoglm_lite.store.hub.listing import repository
    from autoglm_lite.store.models import resolve
    from autoglm_lite.store.reference import HubReference, read_reference

    reference = read_reference(text)
    if isinstance(reference, HubReference | None):
        # What is on this disk already is what is meant.
        with suppress(ModelFileError):
            resolve(text)
            return None
    if reference is None:
        with suppress(UsageError):
            reference = known_reference(text)
    if not isinstance(reference, HubReference):
        return None
    client = Client(read_access(environ))
    return prospect(repository(reference, client), reference, client, wishes, profile)


def facts_there(repository: Repository, candidate: Candidate, client: Client) -> ModelFacts:
    """Raises DownloadError, ModelFileError."""
    from autoglm_lite.store.hub.access import address_of
    from autoglm_lite.store.hub.header import Remote, remote_parts_facts

    def remote(file: HubFile) -> Remote:
        address = address_of(_reference(repository, file), repository.revision, client.access)
        return Remote(address, file.n_bytes, file.sha256)

    label = str(_reference(repository, candidate.files[0]))
    return remote_parts_facts([remote(file) for file in candidate.files], client, label)


def _reference(repository: Repository, file: HubFile) -> HubReference:
    from autoglm_lite.store.reference import HubReference

    return HubReference(repository.reference.hub, repository.reference.repo, file.path)


def prospect_of(
    found: Sequence[Candidate],
    taken: Candidate | None,
    look: Look,
    wishes: Wishes,
    profile: str | None = None,
    *,
    seeing: Callable[[Candidate], HubFile | None] = lambda _: None,
    licence: str | None = None,
) -> Prospect:
    """As `prospect`, of one model's candidates: of the one that is `taken`, or of the best."""
    from autoglm_lite.commands.devices import machine_with_devices
    from autoglm_lite.commands.prospect_words import instead, sentences
    from autoglm_lite.planning.make import available_bytes
    from autoglm_lite.planning.retyped import retyped
    from autoglm_lite.store.preferring import best

    machine = machine_with_devices(wishes, lambda _: None)
    first = taken or _likely(found, available_bytes(machine, wishes))
    facts = look(first)
    judged = _judged(found, first, facts, machine, wishes, profile)
    chosen = next((one for one in judged if one.candidate == taken), None) or best(judged)
    one = chosen or min(judged, key=lambda judged: judged.candidate.n_bytes)
    mmproj = seeing(one.candidate)
    return Prospect(
        candidate=one.candidate,
        mmproj=mmproj,
        facts=facts if one.candidate == first else retyped(facts, one.candidate.n_bytes, one.candidate.type),
        verdict=one.choice.verdict,
        decode=one.decode,
        needed=disk_bytes(one.candidate, mmproj),
        sentences=tuple(sentences(one, judged, facts, mmproj, licence, asked=taken is not None)),
        instead=None if one.choice.fits else instead(judged, facts.name),
    )


def disk_bytes(candidate: Candidate, mmproj: HubFile | None) -> int:
    """Of the disk at most while it comes: parts are given up one by one as they are joined."""
    joining = max(file.n_bytes for file in candidate.files) if candidate.split else 0
    return candidate.n_bytes + joining + (0 if mmproj is None else mmproj.n_bytes)


def free_bytes(folder: Path) -> int | None:
    """Of the disk that `folder` is on or will be; None where it cannot be told."""
    try:
        there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
        return shutil.disk_usage(there).free
    except OSError:
        return None


def _likely(found: Sequence[Candidate], available: int) -> Candidate:
    """Of which the header is worth reading, by the sizes alone."""
    usual = [one for one in found if one.type in ("Q4_K_M", "UD-Q4_K_XL", "Q4_K_S", "Q4")]
    fitting = [one for one in found if one.n_bytes < 0.8 * available]
    return next((one for one in usual if one in fitting), None) or (fitting or list(found))[-1 if fitting else 0]


def _judged(
    found: Sequence[Candidate],
    first: Candidate,
    facts: ModelFacts,
    machine: Machine,
    wishes: Wishes,
    profile: str | None,
) -> list[Judged]:
    from autoglm_lite.commands.bandwidth import memory_bandwidth_apart
    from autoglm_lite.commands.preferences import preferred
    from autoglm_lite.planning.make import choose
    from autoglm_lite.planning.retyped import retyped
    from autoglm_lite.planning.speed import expect
    from autoglm_lite.store.preferring import Judged, bits

    judged = []
    for candidate in found:
        here = facts if candidate == first else retyped(facts, candidate.n_bytes, candidate.type)
        wanted = preferred(wishes, here, machine, profile)
        choice = choose(here, machine, wanted)
        bandwidth = memory_bandwidth_apart(choice.plan.threads, machine.memory_available) if choice.fits else None
        decode = expect(here, machine, choice, bandwidth).decode
        kind = facts.file_type if candidate == first and not candidate.type else candidate.type
        weight = bits(kind, candidate.n_bytes, facts.n_params)
        judged.append(Judged(candidate, choice, decode, weight))
    return judged
