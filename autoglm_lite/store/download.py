"""A file of the hub on its way into the models' folder, over lines that break."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal
from urllib.parse import urljoin, urlsplit

from autoglm_lite.paths import private_dir
from autoglm_lite.store.hub import (
    DownloadError,
    Failure,
    Headers,
    Identity,
    Wanted,
    address_of,
    check_name,
    endpoint,
    follows,
    identity_of,
    seconds_to_wait,
    starts_at,
    strong,
)

if TYPE_CHECKING:
    from http.client import HTTPResponse

PARTIAL = "partial"
"""The folder within the models' folder for what is not complete."""
PIECE_BYTES = 1 << 16
RESERVE_BYTES = 100_000_000
"""Of the disk, left to others."""
MOST_REDIRECTS = 5
SECONDS_OF_SPEED = 8.0
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

State = Literal["waiting", "checking", "getting", "done"]


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds, and how often in a row nothing may come."""

    stall: float = 30.0
    first: float = 1.0
    most: float = 60.0
    attempts: int = 8


@dataclass(frozen=True, slots=True)
class Progress:
    """`waiting`: for a server that was cut off or busy. `checking`: what came before is read again."""

    state: State
    done: int
    total: int
    bytes_per_second: float | None = None

    @property
    def seconds_left(self) -> float | None:
        return (self.total - self.done) / self.bytes_per_second if self.bytes_per_second else None


class Speed:
    """Over the last seconds."""

    def __init__(self) -> None:
        self._counts: deque[tuple[float, int]] = deque()

    def count(self, done: int, now: float) -> float | None:
        """Bytes per second; None in the first moment."""
        self._counts.append((now, done))
        while now - self._counts[0][0] > SECONDS_OF_SPEED:
            self._counts.popleft()
        began, first = self._counts[0]
        return (done - first) / (now - began) if now - began > 0.5 else None


class _CutError(Exception):
    """An attempt failed that may be made again: after `wait` seconds where the server says so."""

    def __init__(self, failure: DownloadError, wait: float | None = None) -> None:
        super().__init__(str(failure))
        self.failure, self.wait = failure, wait


@dataclass(frozen=True, slots=True)
class Part:
    """What is on the disk of a file that is not complete."""

    wanted: Wanted
    done: int
    identity: Identity | None
    etag: str | None
    """Of the server that has the bytes."""

    @property
    def total(self) -> int:
        return self.identity.n_bytes if self.identity else self.wanted.n_bytes


def parts(folder: Path) -> list[Part]:
    """Those in the models' folder that can be gone on with."""
    found = []
    for path in sorted((folder / PARTIAL).glob("*.json")):
        with suppress(OSError, ValueError, TypeError, KeyError):
            part = _read(path)
            if part.wanted.name == path.name.removesuffix(".json") and part.done:
                found.append(part)
    return found


def remove_part(folder: Path, name: str) -> None:
    """Throws away what came of it."""
    for suffix in (".part", ".json"):
        with suppress(OSError):
            (folder / PARTIAL / (check_name(name) + suffix)).unlink()


class Download:
    """One file. `run` blocks, so it is for a thread; everything else may be called from another."""

    def __init__(
        self, wanted: Wanted, folder: Path, environ: Mapping[str, str], patience: Patience = Patience()
    ) -> None:
        """`folder` is that of the models. Raises UsageError, ValueError for a name or an address that is none."""
        self.wanted = wanted
        self._target = folder / check_name(wanted.name)
        self._part = folder / PARTIAL / (wanted.name + ".part")
        self._meta = folder / PARTIAL / (wanted.name + ".json")
        self._address = address_of(wanted.reference, endpoint(environ))
        self._patience = patience
        self._stop = threading.Event()
        self._identity: Identity | None = None
        self._etag: str | None = None
        self._hash = hashlib.sha256()
        self._hashed = 0
        """Bytes of the part that have been read into the hash."""
        self._speed = Speed()
        self.progress = Progress("waiting", 0, wanted.n_bytes)

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
                    remove_part(self._target.parent, self.wanted.name)
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
                part = _read(self._meta)
                if part.wanted.reference == self.wanted.reference:
                    self._identity, self._etag = part.identity, part.etag

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
            except _CutError as cut:
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
        """Gets what is missing over one connection; false where it was stopped. Raises DownloadError, _CutError."""
        if self._identity and self._hashed == self._identity.n_bytes:
            return True
        response, identity = self._ask(self._hashed)
        with response:
            if self._identity not in (None, identity):
                self._start_over(file)
                self._identity = None
                raise _CutError(self._failure("wrong"), 0.0)
            begins = starts_at(response.status, response.headers, self._hashed, identity.n_bytes)
            if begins is None:
                raise _CutError(self._failure("trouble", status=response.status))
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
        file.seek(self._hashed)
        while self._hashed < n_bytes:
            if self._stop.is_set():
                return False
            try:
                piece = response.read1(min(PIECE_BYTES, n_bytes - self._hashed))
            except (OSError, HTTPException, ValueError) as error:
                raise _CutError(self._failure("connection", why=_why(error))) from error
            if not piece:
                raise _CutError(self._failure("connection", why="cut off"))
            self._keep(file, piece)
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

    def _ask(self, offset: int) -> tuple[HTTPResponse, Identity]:
        """The answer of the server that has the bytes, from `offset` on where it can, and what they are."""
        from urllib.error import HTTPError

        address, identity = self._address, None
        for _ in range(MOST_REDIRECTS + 1):
            try:
                response = self._open(address, offset)
            except HTTPError as error:
                with error:
                    identity = identity or identity_of(error.headers)
                    there = error.headers.get("Location")
                    if not (300 <= error.code < 400 and there):
                        raise self._refusal(error.code, error.headers) from error
                    there = urljoin(address, there)
                    if not follows(address, there):
                        raise self._failure("refused", status=error.code) from error
                    address = there
                    continue
            identity = identity or identity_of(response.headers)
            if identity is None:
                response.close()
                raise self._failure("unchecked")
            return response, identity
        raise self._failure("trouble", status=302)

    def _open(self, address: str, offset: int) -> HTTPResponse:
        """Raises HTTPError for every answer but the file's bytes."""
        import ssl
        from http.client import HTTPException
        from urllib.error import HTTPError, URLError
        from urllib.request import HTTPRedirectHandler, Request, build_opener

        from autoglm_lite import __version__

        class Stay(HTTPRedirectHandler):
            """Redirects are followed by us: the first one tells what the file is."""

            def redirect_request(self, *_: object) -> None:
                return None

        headers = {"User-Agent": f"autoglm-lite/{__version__}", "Accept-Encoding": "identity"}
        if offset and self._etag:
            headers |= {"Range": f"bytes={offset}-", "If-Range": self._etag}
        elif offset:
            headers |= {"Range": f"bytes={offset}-"}
        try:
            response: HTTPResponse = build_opener(Stay).open(
                Request(address, headers=headers), timeout=self._patience.stall
            )
        except HTTPError:
            raise
        except (URLError, HTTPException, OSError, ValueError) as error:
            failure = self._failure("connection", why=_why(error))
            if isinstance(getattr(error, "reason", None), ssl.SSLCertVerificationError):
                raise failure from error
            raise _CutError(failure) from error
        return response

    def _refusal(self, status: int, headers: Headers) -> Exception:
        if status in (401, 403):
            return self._failure("refused", status=status)
        if status in (404, 410):
            return self._failure("missing", status=status)
        if status == 416:
            # The file there is shorter than what we have: it is another one.
            self._identity, self._etag = None, None
        kind: Failure = "busy" if status in (429, 503) else "trouble"
        return _CutError(self._failure(kind, status=status), seconds_to_wait(headers, time.time()))

    def _start_over(self, file: BinaryIO) -> None:
        file.truncate(0)
        self._hash, self._hashed, self._etag = hashlib.sha256(), 0, None

    def _throw_away(self, file: BinaryIO) -> None:
        self._start_over(file)
        self._identity = None
        remove_part(self._target.parent, self.wanted.name)

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
        return DownloadError(kind, host=urlsplit(self._address).hostname, name=self.wanted.label, **facts)

    def _note(self) -> None:
        """Keeps what is needed to go on in another run."""
        known = {"wanted": asdict(self.wanted), "etag": self._etag}
        known["identity"] = None if self._identity is None else asdict(self._identity)
        new = self._meta.with_suffix(".new")
        new.write_text(json.dumps(known), encoding="utf-8")
        new.replace(self._meta)

    def _show(self, state: State, speed: float | None = None) -> None:
        total = self._identity.n_bytes if self._identity else self.wanted.n_bytes
        self.progress = replace(self.progress, state=state, done=self._hashed, total=total, bytes_per_second=speed)


def _read(meta: Path) -> Part:
    """Raises OSError, ValueError, TypeError, KeyError for what is none."""
    known = json.loads(meta.read_bytes())
    identity = known["identity"]
    wanted = Wanted(**known["wanted"])
    check_name(wanted.name)
    part = meta.with_name(wanted.name + ".part")
    return Part(wanted, part.stat().st_size, Identity(**identity) if identity else None, known["etag"])


def _why(error: BaseException) -> str:
    reason = getattr(error, "reason", error)
    if isinstance(reason, TimeoutError):
        return "nothing comes"
    return str(getattr(reason, "strerror", None) or reason or type(error).__name__)[:100]
