"""A file on its way into a folder, over lines that break."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from autoglm_lite.paths import private_dir
from autoglm_lite.store.download.limit import Limit
from autoglm_lite.store.download.parts import PARTIAL
from autoglm_lite.store.download.progress import USUAL, Patience, Progress, Speed, State
from autoglm_lite.store.hub.answers import Identity, starts_at, strong
from autoglm_lite.store.hub.client import Client, CutError, failure, why
from autoglm_lite.store.hub.failures import DownloadError, Failure
from autoglm_lite.store.place import place

if TYPE_CHECKING:
    from http.client import HTTPResponse

PIECE_BYTES = 1 << 16
RESERVE_BYTES = 100_000_000
"""Of the disk, left to others."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a file's bytes are, and what they are to be."""

    address: str
    label: str
    """For people."""
    n_bytes: int | None
    sha256: str | None
    """None where the hub tells it on the way, or nobody does."""
    must_be_checked: bool = False
    """Whether it is refused where nobody tells its SHA-256."""


class Fetch:
    """One file. `run` blocks, so it is for a thread; everything else may be called from another."""

    def __init__(
        self,
        source: Source,
        folder: Path,
        name: str,
        client: Client,
        patience: Patience = USUAL,
        limit: Limit | None = None,
        beside: Mapping[str, object] | None = None,
    ) -> None:
        """Into `folder`/`name`; until it is whole and verified, what came is in `folder`/partial. `beside`: what a
        caller keeps with it, as JSON. Raises UsageError for a name that is none."""
        self.source = source
        self._target = place(folder, name)
        self._part = place(folder, PARTIAL, name + ".part")
        self._meta = place(folder, PARTIAL, name + ".json")
        self._client = client
        self._patience = patience
        self._limit = limit
        self._beside = dict(beside or {})
        self._stop = threading.Event()
        self._identity: Identity | None = None
        self._etag: str | None = None
        self._hash = hashlib.sha256()
        self._hashed = 0
        """Bytes of the part that have been read into the hash."""
        self._speed = Speed()
        self.progress = Progress("waiting", 0, source.n_bytes or 0)

    @property
    def found(self) -> Identity | None:
        """What came, once `run` has returned a path."""
        return self._identity

    @property
    def checked(self) -> bool:
        """Whether somebody had told which SHA-256 it has."""
        return self._identity is not None

    def stop(self) -> None:
        """Has `run` end soon; what came is kept."""
        self._stop.set()

    def run(self) -> Path | None:
        """Gets what is missing, and returns the model's path; None where it was stopped. May be run again.

        Raises DownloadError.
        """
        self._stop.clear()
        try:
            private_dir(self._part.parent)
            with self._opened() as file:
                if self._target.exists():
                    self._forget()
                    self._show("done")
                    return self._target
                self._resume()
                if not self._until_complete(file):
                    return None
                if self._hash.hexdigest() != (self._identity and self._identity.sha256):
                    self._throw_away(file)
                    raise self._failure("wrong")
                os.fsync(file.fileno())
                self._part.replace(self._target)
                self._meta.unlink(missing_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error
        self._show("done")
        return self._target

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        """The part, which is ours alone while it is open."""
        with os.fdopen(os.open(self._part, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0) as file:
            try:
                import fcntl
            except ImportError:  # pragma: no cover
                yield file
                return
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise self._failure("taken") from None
            # Whoever held it has finished meanwhile, and this file is the model now.
            if not self._part.exists():
                raise self._failure("taken")
            yield file

    def _resume(self) -> None:
        if self._identity is None:
            with suppress(OSError, ValueError, TypeError, KeyError):
                known = json.loads(self._meta.read_bytes())
                if known["address"] == self.source.address and known["identity"]:
                    self._identity, self._etag = Identity(**known["identity"]), known["etag"]

    def _until_complete(self, file: BinaryIO) -> bool:
        """False where it was stopped."""
        in_vain = 0
        while not self._stop.is_set():
            if not self._hash_part(file):
                return False
            before = self._hashed
            try:
                if self._attempt(file):
                    return True
            except CutError as cut:
                in_vain = 1 if self._hashed > before else in_vain + 1
                if in_vain >= self._patience.attempts:
                    raise cut.failure from cut
                self._show("waiting")
                usual = min(self._patience.first * 2 ** (in_vain - 1), self._patience.most)
                self._stop.wait(usual if cut.wait is None else cut.wait)
        return False

    def _hash_part(self, file: BinaryIO) -> bool:
        """Has the hash cover what is in the part; false where it was stopped."""
        n_bytes = file.seek(0, os.SEEK_END)
        if self._identity is None or n_bytes > self._identity.n_bytes or n_bytes < self._hashed:
            self._start_over(file)
            return True
        file.seek(self._hashed)
        while self._hashed < n_bytes:
            if self._stop.is_set():
                return False
            piece = file.read(min(1 << 20, n_bytes - self._hashed))
            self._hash.update(piece)
            self._hashed += len(piece)
            self._show("checking")
        return True

    def _attempt(self, file: BinaryIO) -> bool:
        """Gets what is missing over one connection; false where it was stopped. Raises DownloadError, CutError."""
        if self._identity and self._hashed == self._identity.n_bytes:
            return True
        try:
            answer = self._client.open(self.source.address, self.source.label, begin=self._hashed, etag=self._etag)
        except CutError as cut:
            if cut.status == 416:
                # The file there is shorter than what we have: it is another one.
                self._identity, self._etag = None, None
            raise
        with answer.response as response:
            identity = answer.identity
            identity = identity or self._told()
            if identity is None:
                raise self._failure("unchecked")
            if self._identity not in (None, identity):
                self._start_over(file)
                self._identity = None
                raise CutError(self._failure("wrong"), 0.0)
            begins = starts_at(response.status, response.headers, self._hashed, identity.n_bytes)
            if begins is None:
                raise CutError(self._failure("trouble", status=response.status))
            if begins == 0:
                self._start_over(file)
            self._identity, self._etag = identity, strong(response.headers.get("ETag"))
            self._check_room(identity.n_bytes - self._hashed)
            self._note()
            return self._take(response, file, identity.n_bytes)

    def _take(self, response: HTTPResponse, file: BinaryIO, n_bytes: int) -> bool:
        from http.client import HTTPException

        self._speed = Speed()
        self._show("getting")
        most = self._limit.piece(PIECE_BYTES) if self._limit else PIECE_BYTES
        file.seek(self._hashed)
        while self._hashed < n_bytes:
            if self._stop.is_set():
                return False
            try:
                piece = response.read1(min(most, n_bytes - self._hashed))
            except (OSError, HTTPException, ValueError) as error:
                raise CutError(self._failure("connection", why=why(error))) from error
            if not piece:
                raise CutError(self._failure("connection", why="cut off"))
            self._keep(file, piece)
            if self._limit:
                self._limit.take(len(piece), self._stop)
            self._show("getting", self._speed.count(self._hashed, time.monotonic()))
        return True

    def _keep(self, file: BinaryIO, piece: bytes) -> None:
        """A disk that is nearly full takes a part of it first. Raises OSError."""
        rest = memoryview(piece)
        while rest:
            n_bytes = file.write(rest)
            self._hash.update(rest[:n_bytes])
            self._hashed += n_bytes
            rest = rest[n_bytes:]

    def _start_over(self, file: BinaryIO) -> None:
        file.truncate(0)
        self._hash, self._hashed, self._etag = hashlib.sha256(), 0, None

    def _throw_away(self, file: BinaryIO) -> None:
        self._start_over(file)
        self._identity = None
        self._forget()

    def _forget(self) -> None:
        for path in (self._part, self._meta):
            with suppress(OSError):
                path.unlink()

    def _told(self) -> Identity | None:
        source = self.source
        return Identity(source.n_bytes, source.sha256) if source.n_bytes is not None and source.sha256 else None

    def _check_room(self, n_bytes: int) -> None:
        import shutil

        free = shutil.disk_usage(self._part.parent).free
        if n_bytes + RESERVE_BYTES > free:
            raise self._full(n_bytes, free)

    def _full(self, n_bytes: int, free: int) -> DownloadError:
        needed = f"{(n_bytes + RESERVE_BYTES) / 1e6:,.0f}"
        return self._failure("full", needed=needed, free=f"{free / 1e6:,.0f}")

    def _unwritable(self, error: OSError) -> DownloadError:
        if error.errno in NO_ROOM:
            import shutil

            return self._full(self.progress.total - self._hashed, shutil.disk_usage(self._part.parent).free)
        return self._failure("unwritable", folder=self._target.parent, why=error.strerror or error)

    def _failure(self, kind: Failure, **facts: object) -> DownloadError:
        return failure(kind, self.source.address, self.source.label, **facts)

    def _note(self) -> None:
        """Keeps what is needed to go on in another run."""
        known = {**self._beside, "address": self.source.address, "etag": self._etag}
        known["identity"] = None if self._identity is None else asdict(self._identity)
        new = self._meta.with_suffix(".new")
        new.write_text(json.dumps(known), encoding="utf-8")
        new.replace(self._meta)

    def _show(self, state: State, speed: float | None = None) -> None:
        total = self._identity.n_bytes if self._identity else (self.source.n_bytes or 0)
        self.progress = replace(self.progress, state=state, done=self._hashed, total=total, bytes_per_second=speed)
