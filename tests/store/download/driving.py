"""Getting the file of a fake hub, and looking at what came of it."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable
from pathlib import Path

from autoglm_lite.store.download import Fetch, Limit, Patience, Source, fetch, work
from autoglm_lite.store.download.note import NOTE, PART, PARTIAL, Note, read_note
from autoglm_lite.store.download.ranges import Ranges, Span
from autoglm_lite.store.hub.access import address_of, read_access
from autoglm_lite.store.hub.client import Client
from autoglm_lite.store.reference import HubReference
from tests.store.hub import FakeHub

REPO, FILE, NAME = "org/repo-GGUF", "file-Q4_0.gguf", "model-Q4_0.gguf"
CONTENT = b"GGUF" + random.Random(7).randbytes(399_996)
QUICK = Patience(stall=0.4, first=0.001, most=0.002, attempts=4)


def small_segments(set_value: Callable[[object, str, object], None]) -> None:
    """So that a small file has many, and what is noted changes all the time."""
    set_value(work, "LEAST_SEGMENT", 50_000)
    set_value(work, "MOST_SEGMENT", 50_000)
    set_value(fetch, "SECONDS_BETWEEN_NOTES", 0.02)
    set_value(fetch, "SECONDS_BETWEEN_LOOKS", 0.01)


def source_of(hub: FakeHub, content: bytes | None = None, *, told: bool = True, hub_file: str = FILE) -> Source:
    """With what the hub's list tells of it, if `told`."""
    address = address_of(HubReference("hf", REPO, hub_file), "main", read_access(hub.environ))
    content = hub.repositories[REPO][hub_file] if content is None else content
    return Source(address, "A Model", *((len(content), sha256(content)) if told else (None, None)))


def fetching(
    hub: FakeHub,
    folder: Path,
    source: Source | None = None,
    patience: Patience = QUICK,
    limit: Limit | None = None,
) -> Fetch:
    client = Client(read_access(hub.environ), patience.stall)
    return Fetch(source or source_of(hub), folder, NAME, client, patience, limit)


def note_in(folder: Path) -> Note | None:
    part = folder / PARTIAL / (NAME + PART)
    return read_note(folder / PARTIAL / (NAME + NOTE), part.stat().st_size) if part.exists() else None


def noted(folder: Path) -> Ranges:
    """What is noted as done."""
    note = note_in(folder)
    return Ranges(note.done if note else ())


def kept(folder: Path) -> bytes:
    return (folder / PARTIAL / (NAME + PART)).read_bytes()


def asked_again(hub: FakeHub, before: Ranges, n_bytes: int) -> list[str | None]:
    """Which of the ranges that the store was asked for had been noted as done before."""
    found = []
    for asked in hub.ranges():
        begin, end = span_of(asked, n_bytes)
        if sum(b - a for a, b in before.missing(begin, end)) != end - begin:
            found.append(asked)
    return found


def span_of(asked: str | None, n_bytes: int) -> Span:
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", asked or "bytes=0-")
    assert match is not None
    return int(match[1]), min(n_bytes, int(match[2]) + 1 if match[2] else n_bytes)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
