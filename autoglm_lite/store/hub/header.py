"""The facts of a GGUF far away, of which only the beginning is read."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autoglm_lite.errors import ModelFileError
from autoglm_lite.gguf.facts import ModelFacts, facts_of
from autoglm_lite.gguf.header import Header, damaged
from autoglm_lite.gguf.parts import join_headers
from autoglm_lite.gguf.reader import read_header_of
from autoglm_lite.store.hub.answers import starts_at, validator
from autoglm_lite.store.hub.client import Client, CutError, failure, why
from autoglm_lite.store.hub.kept_headers import forget_start, keep_start, kept_start

if TYPE_CHECKING:
    from http.client import HTTPResponse

RANGE_BYTES = 4 << 20
"""Asked for at once: most headers are one such range, and little more than that is on its way when a header ends."""
LATER_BYTES = 1 << 16
"""Asked for at first of later parts: their headers have only tensors, 60 bytes for each."""
PIECE_BYTES = 1 << 16
MOST_BYTES = 64 << 20
"""The largest headers known take 20 MB."""
ATTEMPTS = 6
"""In a row that may bring nothing."""
MOST_WAIT = 20.0


@dataclass(frozen=True, slots=True)
class Remote:
    """A GGUF far away."""

    address: str
    n_bytes: int
    sha256: str | None = None
    """With it, what was read of the header before need not come again."""


def remote_facts(address: str, n_bytes: int, client: Client, label: str, first_wait: float = 1.0) -> ModelFacts:
    """The checked facts of the GGUF of `n_bytes` bytes at `address`; `label` names it for people.

    As many bytes are asked for as the header has, in ranges. A broken line is waited for, `first_wait` seconds and
    then longer each time. Raises DownloadError, and ModelFileError with what is wrong with the file.
    """
    return remote_parts_facts([Remote(address, n_bytes)], client, label, first_wait)


def remote_parts_facts(parts: Sequence[Remote], client: Client, label: str, first_wait: float = 1.0) -> ModelFacts:
    """As `remote_facts`, of the parts of a split model in order: the facts of the one file that they make."""
    if len(parts) == 1:
        return facts_of(_header(parts[0], client, label, first_wait, RANGE_BYTES, split=False))
    # Only the first has a vocabulary.
    ranges = [RANGE_BYTES, *[LATER_BYTES] * (len(parts) - 1)]
    found = [_header(part, client, label, first_wait, n, split=True) for part, n in zip(parts, ranges, strict=True)]
    return facts_of(join_headers(found).header)


def _header(remote: Remote, client: Client, label: str, first_wait: float, first: int, *, split: bool) -> Header:
    """`first`: bytes to ask for at first."""
    for known in dict.fromkeys((kept_start(remote.sha256), b"")):
        file = _Beginning(remote, client, label, first_wait, first, known)
        try:
            return read_header_of(file, remote.n_bytes, Path(label), parts=split)
        except ModelFileError:
            file.got.clear()
            if not known:
                raise
            # The disk may have kept it badly.
            forget_start(remote.sha256)
        finally:
            file.close()
            if len(file.got) > len(known):
                keep_start(remote.sha256, bytes(file.got))
    raise AssertionError


class _Beginning:
    """Reads in order; what a cut connection did not bring is asked for again."""

    def __init__(
        self, remote: Remote, client: Client, label: str, first_wait: float, first: int, known: bytes = b""
    ) -> None:
        self._address, self._n_bytes, self._client, self._label = remote.address, remote.n_bytes, client, label
        self._first_wait, self._ask = first_wait, first
        self._response: HTTPResponse | None = None
        self.got = bytearray(known)
        """All bytes from the front that are here."""
        self._place = 0
        """Bytes that were given out."""
        self._began = 0
        """Where the response begins."""
        self._end = 0
        """Where what was asked for ends."""
        self._etag: str | None = None

    def read(self, n_bytes: int, /) -> bytes:
        """Raises DownloadError, and ModelFileError where there is no end to it."""
        if self._place >= MOST_BYTES:
            raise damaged(Path(self._label), f"its header is larger than {MOST_BYTES >> 20} MiB")
        if self._place < len(self.got):
            known = bytes(self.got[self._place : self._place + n_bytes])
            self._place += len(known)
            return known
        in_vain = 0
        while (piece := self._attempt(min(n_bytes, PIECE_BYTES, MOST_BYTES - self._place), in_vain)) is None:
            in_vain += 1
        self.got += piece
        self._place += len(piece)
        return piece

    def close(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None

    def _attempt(self, most: int, in_vain: int) -> bytes | None:
        """None after a wait where it may be made again; `in_vain` were made before. Raises DownloadError."""
        try:
            return self._piece(most)
        except CutError as cut:
            self.close()
            if in_vain + 1 >= ATTEMPTS:
                raise cut.failure from cut
            usual = self._first_wait * 2.0**in_vain
            time.sleep(min(usual if cut.wait is None else cut.wait, MOST_WAIT))
            return None

    def _piece(self, most: int) -> bytes:
        """Raises DownloadError, CutError."""
        if self._place >= self._n_bytes:
            return b""
        if self._response is None or self._place >= self._end:
            self._open()
        piece = self._read(min(most, self._end - self._place))
        if not piece and self._response is not None and self._response.length == 0 and self._place > self._began:
            # A server may give less than what was asked for.
            self._open()
            piece = self._read(min(most, self._end - self._place))
        if not piece:
            raise self._cut("cut off")
        return piece

    def _open(self) -> None:
        """Has a response that goes on at our place."""
        self.close()
        end = min(self._place + self._ask, self._n_bytes)
        self._ask = RANGE_BYTES
        answer = self._client.open(self._address, self._label, begin=self._place, end=end, etag=self._etag)
        self._response, self._began = answer.response, self._place
        headers = answer.response.headers
        if headers.get_content_type() == "text/html":
            raise CutError(failure("page", answer.address, self._label))
        begins = starts_at(answer.response.status, headers, self._place, self._n_bytes)
        etag = validator(headers)
        told = self._n_bytes if answer.identity is None else answer.identity.n_bytes
        changed = failure("changed", self._address, self._label)
        if told != self._n_bytes:
            raise changed
        if begins is None:
            # Some answers are mixed up on the way; a file that is another one stays so.
            raise CutError(changed)
        if self._etag is not None and etag != self._etag:
            raise changed
        self._etag = etag
        if headers.get("Content-Range"):
            self._end = end
            return
        # A server without ranges begins at the front: what is known already is passed over.
        self._end = self._n_bytes
        left = self._place
        while left:
            piece = self._read(min(left, PIECE_BYTES))
            if not piece:
                raise self._cut("cut off")
            left -= len(piece)

    def _read(self, most: int) -> bytes:
        """Of the response; empty where it ends."""
        from http.client import HTTPException

        assert self._response is not None
        try:
            return self._response.read1(most)
        except (OSError, HTTPException, ValueError) as error:
            raise self._cut(why(error)) from error

    def _cut(self, how: str) -> CutError:
        return CutError(failure("connection", self._address, self._label, why=how))
