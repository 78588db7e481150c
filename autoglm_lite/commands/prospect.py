"""What a model far away would be on this machine, said before a byte of it is fetched."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from autoglm_lite.gguf.facts import ModelFacts
    from autoglm_lite.hardware.machine import Machine
    from autoglm_lite.planning.make import Verdict, Wishes
    from autoglm_lite.store.choosing import Candidate
    from autoglm_lite.store.hub.client import Client
    from autoglm_lite.store.hub.repository import HubFile, Repository
    from autoglm_lite.store.preferring import Judged
    from autoglm_lite.store.reference import HubReference

    Look = Callable[[Candidate], ModelFacts]
    Say = Callable[[str], object]

RESERVE_BYTES = 100_000_000
"""Of the disk, left to others."""


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
    """The choice and why, the room on the disk, the licence; each whole."""
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
    folder: Path | None = None,
) -> Prospect:
    """Of the model that `reference` means: its file, its type, or the best type for this machine. It comes to the
    models' `folder`.

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
    return prospect_of(found, taken, look, wishes, profile, folder, seeing=seeing, licence=licence)


def facts_there(repository: Repository, candidate: Candidate, client: Client) -> ModelFacts:
    """Raises DownloadError, ModelFileError."""
    from autoglm_lite.store.hub.access import address_of
    from autoglm_lite.store.hub.header import remote_parts_facts
    from autoglm_lite.store.reference import HubReference

    hub, repo = repository.reference.hub, repository.reference.repo
    files = [(HubReference(hub, repo, file.path), file.n_bytes) for file in candidate.files]
    addresses = [(address_of(at, repository.revision, client.access), n_bytes) for at, n_bytes in files]
    return remote_parts_facts(addresses, client, str(files[0][0]))


def prospect_of(
    found: Sequence[Candidate],
    taken: Candidate | None,
    look: Look,
    wishes: Wishes,
    profile: str | None = None,
    folder: Path | None = None,
    *,
    seeing: Callable[[Candidate], HubFile | None] = lambda _: None,
    licence: str | None = None,
) -> Prospect:
    """As `prospect`, of one model's candidates: of the one that is `taken`, or of the best."""
    from autoglm_lite.commands.devices import machine_with_devices
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
    needed = disk_bytes(one.candidate, mmproj)
    return Prospect(
        candidate=one.candidate,
        mmproj=mmproj,
        facts=facts if one.candidate == first else retyped(facts, one.candidate.n_bytes, one.candidate.type),
        verdict=one.choice.verdict,
        decode=one.decode,
        needed=needed,
        sentences=tuple(_sentences(one, judged, facts, mmproj, needed, folder, licence, asked=taken is not None)),
        instead=None if one.choice.fits else _instead(judged, facts),
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
        weight = bits(candidate.type or facts.file_type, candidate.n_bytes, facts.n_params)
        judged.append(Judged(candidate, choice, decode, weight))
    return judged


def _sentences(
    one: Judged,
    judged: Sequence[Judged],
    facts: ModelFacts,
    mmproj: HubFile | None,
    needed: int,
    folder: Path | None,
    licence: str | None,
    *,
    asked: bool,
) -> Iterator[str]:
    from autoglm_lite.planning.make import in_words
    from autoglm_lite.store.preferring import remark, why

    candidate, choice = one.candidate, one.choice
    kind, size = candidate.type or facts.file_type, in_words(candidate.n_bytes)
    if not choice.fits:
        memory = f"{in_words(choice.predicted.resident_total)} of memory, and {in_words(choice.available)} are free"
        slow = ": it would be read from the disk for each word, very slowly" if choice.verdict == "streams" else ""
        yield f"{kind}, {size}, will not fit: it needs about {memory}{slow}."
    else:
        reason = "as you asked" if asked else why(one, judged)
        words = f"a context of {choice.plan.n_ctx:,} tokens" if facts.use == "chat" else "texts of usual length"
        speed = "" if one.decode is None else f"; about {_number(one.decode)} tokens a second"
        yield (
            f"{kind}, {size}: {reason}. It will take {in_words(choice.predicted.resident_total)} of the"
            f" {in_words(choice.available)} of memory that are free, with {words}{speed}."
        )
    noted = remark(one, judged)
    if noted is not None:
        yield noted
    if mmproj is not None:
        yield f"What sees pictures for it comes along, {in_words(mmproj.n_bytes)}."
    free = None if folder is None else free_bytes(folder)
    if free is not None:
        yield _room(one, judged, needed, free)
    if licence is not None:
        yield licence


def _room(one: Judged, judged: Sequence[Judged], needed: int, free: int) -> str:
    from autoglm_lite.planning.make import in_words

    if needed + RESERVE_BYTES <= free:
        return f"The disk has {in_words(free)} free and needs {in_words(needed)} of it."
    smaller = [other for other in judged if disk_bytes(other.candidate, None) + RESERVE_BYTES <= free]
    best = max(smaller, key=lambda other: other.candidate.n_bytes, default=None)
    advice = "" if best is None else f", or take {best.candidate.type}, {in_words(best.candidate.n_bytes)}"
    return (
        f"The disk has too little room: {in_words(needed + RESERVE_BYTES)} are needed and {in_words(free)} are free;"
        f" make room{advice}."
    )


def _instead(judged: Sequence[Judged], facts: ModelFacts) -> str:
    """What would fit."""
    from autoglm_lite.planning.make import in_words
    from autoglm_lite.profiles.models import read_models, recommended
    from autoglm_lite.store.preferring import best

    fitting = best(judged)
    if fitting is not None:
        return f"{fitting.candidate.type}, {in_words(fitting.candidate.n_bytes)}, of the same model would fit."
    close = f"No type of {facts.name} that is there fits; close other programs, or take a smaller model"
    known = recommended(read_models(), judged[0].choice.available)
    if known is None:
        return f"{close}."
    return f"{close}, such as {known.model.name} as {known.type} ({known.model.reference})."


def _number(tokens_per_second: float) -> str:
    return f"{tokens_per_second:,.0f}" if tokens_per_second >= 10 else f"{tokens_per_second:.1f}"
