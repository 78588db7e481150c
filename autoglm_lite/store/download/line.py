"""One connection at a time to where the bytes are."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from autoglm_lite.store.download.agreeing import agree
from autoglm_lite.store.download.limit import Limit
from autoglm_lite.store.download.source import MAGIC, Source
from autoglm_lite.store.download.work import NO_END, Claim, Work
from autoglm_lite.store.hub.client import Answer, Client, CutError, failure, why
from autoglm_lite.store.hub.connecting import Hold
from autoglm_lite.store.hub.failures import DownloadError

if TYPE_CHECKING:
    from http.client import HTTPResponse

PIECE_BYTES = 1 << 16


class There:
    """Where the bytes lie now: the hub's own address, or what it led to, for as long as that is good."""

    def __init__(self, address: str) -> None:
        self._address, self._led_to = address, address

    @property
    def address(self) -> str:
        return self._led_to

    def learn(self, address: str) -> None:
        self._led_to = address

    def forget(self, address: str) -> bool:
        """That `address` is of no use any more; whether there is another one to try."""
        if address == self._led_to:
            self._led_to = self._address
        return address != self._address


class Line(threading.Thread):
    """Gets what `work` has for it until nothing is left."""

    def __init__(
        self,
        work: Work,
        source: Source,
        there: There,
        client: Client,
        stop: threading.Event,
        limit: Limit | None,
        check_room: Callable[[int], None],
    ) -> None:
        super().__init__(name="download", daemon=True)
        self._work, self._source, self._there, self._client = work, source, there, client
        self._stop_asked, self._limit, self._check_room = stop, limit, check_room
        self._hold = Hold()

    def run(self) -> None:
        try:
            while (claim := self._work.claim()) is not None:
                self._serve(claim)
        except BaseException as error:
            self._work.end(error)

    def cut(self) -> None:
        """Has it end soon, whatever the server does."""
        self._hold.cut()

    def _serve(self, claim: Claim) -> None:
        try:
            answer = self._ask(claim)
            if answer is None:
                return
            with answer.response as response:
                if agree(self._work, claim, answer, self._source, self._check_room):
                    self._read(response, claim)
        except CutError as cut:
            known = self._work.known
            if cut.n_bytes not in (None, known.n_bytes) and known.sha256 is None:
                # The file there is another one now.
                self._work.restart(cut.failure)
            self._work.failed(claim, cut)

    def _ask(self, claim: Claim) -> Answer | None:
        """None where the address has expired. Raises DownloadError, CutError."""
        known, address = self._work.known, self._there.address
        of_all = claim.end == NO_END or claim.end == known.n_bytes
        etag = None if known.sha256 else known.validator
        try:
            answer = self._client.open(
                address,
                self._source.label,
                begin=claim.at,
                end=None if of_all else claim.end,
                etag=etag,
                hold=self._hold,
            )
        except DownloadError as refused:
            if not self._there.forget(address):
                raise
            self._work.failed(claim, CutError(refused), counts=False)
            return None
        except CutError:
            self._there.forget(address)
            raise
        self._there.learn(answer.address)
        return answer

    def _read(self, response: HTTPResponse, claim: Claim) -> None:
        """Raises CutError, DownloadError, OSError."""
        limit = self._limit
        most = limit.piece(PIECE_BYTES) if limit else PIECE_BYTES
        piece = b""
        if claim.at == 0 and self._source.is_model:
            while len(piece) < len(MAGIC) and (more := self._received(response, len(MAGIC) - len(piece))):
                piece += more
            if piece and not MAGIC.startswith(piece[: len(MAGIC)]):
                raise failure("page", self._source.address, self._source.label)
        while True:
            piece = piece or self._received(response, min(most, claim.end - claim.at))
            if not piece:
                if self._work.ended(claim):
                    return
                raise self._cut("cut off")
            if limit:
                limit.take(len(piece), self._stop_asked)
            if not self._work.keep(claim, piece):
                return
            piece = b""

    def _received(self, response: HTTPResponse, most: int) -> bytes:
        from http.client import HTTPException

        try:
            return response.read1(most)
        except (OSError, HTTPException, ValueError) as error:
            raise self._cut(why(error)) from error

    def _cut(self, reason: str) -> CutError:
        return CutError(failure("connection", self._source.address, self._source.label, why=reason))
