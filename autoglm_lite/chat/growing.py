"""An answer kept piece by piece while it is written, in a small file of its own beside the conversations.

Each piece goes there in one write() before anyone sees it. What the system has taken outlives this process, whatever
ends that, so nothing that was shown is lost; nothing waits for the disk either, for the database has what a power cut
needs. The file is lines of JSON: the first says which answer it is, each other is one piece; a line without its end
counts for nothing. While it is written it is locked (flock), and bears the number of its process and when that
started, which decides where locks do nothing. What a dead process left is taken by the next one that looks.
"""

from __future__ import annotations

import json
import math
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from autoglm_lite.chat.reasoning import Part
from autoglm_lite.paths import private_dir

NAME = re.compile(r"(\d{1,10})\.(\d{1,20})\.[0-9a-f]{8}\.answer")
"""The process, when it started, and what makes the name the only one."""
TRIES = 3
READING = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""Locks on NFS want a file that may be written."""
MOST = 2**63
"""What an id in the database is below."""


@dataclass(frozen=True, slots=True)
class Begun:
    """Which answer of which conversation."""

    conversation: str
    question: int
    """The message that it answers."""
    answer: int | None
    """Its own, where it had one before."""
    model: str
    created: float
    """When it began, in seconds since 1970: what its message is known by where it had none."""


@dataclass(frozen=True, slots=True)
class Grown:
    """What a file holds."""

    begun: Begun
    answer: str
    reasoning: str


class GrowingFile:
    """Made (0600, in a 0700 folder), which may raise OSError; nothing does after that. For one thread at a time."""

    def __init__(self, folder: Path, begun: Begun, so_far: Sequence[tuple[Part, str]]) -> None:
        self._path, fd = _make(private_dir(folder))
        self._fd: int | None = fd
        self._encode = json.JSONEncoder(ensure_ascii=False).encode
        self._unwritten = b""
        """What a full disk did not take; it is tried again with the next piece."""
        self._add(asdict(begun), *([part, text] for part, text in so_far if text))

    def add(self, part: Part, text: str) -> None:
        self._add([part, text])

    def remove(self) -> None:
        """When all of it is in the database."""
        if self._fd is not None:
            with suppress(OSError):
                self._path.unlink()
            self._close()

    def leave(self) -> None:
        """To whoever opens the conversations next, this process too."""
        if self._fd is not None:
            with suppress(OSError):
                self._path.rename(self._path.with_name(_new_name(0, 0)))
            self._close()

    def _add(self, *records: object) -> None:
        if self._fd is None:
            return
        # Lone surrogates become what they become in the database.
        lines = "".join(f"{self._encode(record)}\n" for record in records)
        self._unwritten += lines.encode("utf-8", "replace")
        with suppress(OSError):
            while self._unwritten:
                self._unwritten = self._unwritten[os.write(self._fd, self._unwritten) :]

    def _close(self) -> None:
        if self._fd is not None:
            with suppress(OSError):
                os.close(self._fd)
            self._fd = None


def take_left(folder: Path) -> Iterator[Grown]:
    """What those left whose process is gone. Each file is removed when the next one is asked for; those that hold
    nothing, at once. Files that are not ours stay. Never raises."""
    try:
        paths = sorted(folder.iterdir())
    except OSError:
        return
    for path in paths:
        if (ours := NAME.fullmatch(path.name)) and not _lives(int(ours[1]), int(ours[2])):
            with suppress(OSError), os.fdopen(os.open(path, READING), "rb") as file:
                _lock(file.fileno())
                # Whoever held it may have taken it.
                if not path.exists():
                    continue
                grown = _read(file.read())
                if grown is not None:
                    yield grown
                path.unlink()


def _make(folder: Path) -> tuple[Path, int]:
    for _ in range(TRIES):
        path = folder / _new_name(os.getpid(), _started(os.getpid()))
        fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        try:
            _lock(fd)
            # One who looks at it before it is locked sees an empty file, and removes that.
            if path.exists():
                return path, fd
        except BlockingIOError:
            pass
        os.close(fd)
    raise BlockingIOError


def _new_name(pid: int, started: int) -> str:
    return f"{pid}.{started}.{secrets.token_hex(4)}.answer"


def _lock(fd: int) -> None:
    """Until it is closed. Raises BlockingIOError where another one has it; where there are no locks, nobody has."""
    try:
        import fcntl
    except ImportError:  # pragma: no cover
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return


def _lives(pid: int, started: int) -> bool:
    """As far as the system says; then the file is not even touched."""
    return started != 0 and _started(pid) == started


def _started(pid: int) -> int:
    """When a process started, in ticks since the system did (proc(5)); 0 where that is not known, or it has ended."""
    try:
        fields = Path("/proc", str(pid), "stat").read_text(errors="replace").rpartition(")")[2].split()
        return 0 if fields[0] in "ZX" else int(fields[19])
    except (OSError, ValueError, IndexError):
        return 0


def _read(data: bytes) -> Grown | None:
    """As far as it can be read; None where not even the first line can."""
    first, *pieces = data.split(b"\n")[:-1] or [b""]
    begun = _begun(_parsed(first))
    if begun is None:
        return None
    texts: dict[Part, list[str]] = {"answer": [], "reasoning": []}
    for piece in pieces:
        match _parsed(piece):
            case ["answer" | "reasoning" as part, str(text)]:
                texts[part].append(text)
            case _:
                break
    return Grown(begun, "".join(texts["answer"]), "".join(texts["reasoning"]))


def _begun(found: object) -> Begun | None:
    match found:
        case {
            "conversation": str(conversation),
            "question": int(question),
            "answer": int() | None as answer,
            "model": str(model),
            "created": float(created),
        } if question < MOST and (answer is None or answer < MOST) and math.isfinite(created):
            return Begun(conversation, question, answer, model, created)
    return None


def _parsed(line: bytes) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
