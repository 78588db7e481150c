"""Requests to a hub and to where its files lie: redirects, ranges, tokens, and what went wrong in a sentence."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from autoglm_lite.store.hub.access import Access, is_of
from autoglm_lite.store.hub.answers import Headers, Identity, follows, identity_of, length_of, seconds_to_wait
from autoglm_lite.store.hub.failures import DownloadError, Failure
from autoglm_lite.store.hub.refusals import refusal_of

if TYPE_CHECKING:
    from http.client import HTTPResponse
    from ssl import SSLContext

    from autoglm_lite.store.hub.connecting import Hold

MOST_REDIRECTS = 5


class CutError(Exception):
    """An attempt failed that may be made again: after `wait` seconds where the server says so. `n_bytes`: of the file,
    where a server says that it is too short for what was asked for."""

    def __init__(
        self,
        failure: DownloadError,
        wait: float | None = None,
        status: int | None = None,
        n_bytes: int | None = None,
    ) -> None:
        super().__init__(str(failure))
        self.failure, self.wait, self.status, self.n_bytes = failure, wait, status, n_bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """`identity` where the hub told it on the way; `address`: where the bytes lie, which may be signed and expire."""

    response: HTTPResponse
    identity: Identity | None
    address: str


class Client:
    """May be used by several threads. Proxies are those of the environment, as urllib finds them."""

    def __init__(self, access: Access, stall: float = 30.0) -> None:
        """`stall`: seconds without a byte after which a connection counts as broken."""
        self.access = access
        self._stall = stall
        self._lock = threading.Lock()
        self._context: SSLContext | None = None

    def open(
        self,
        address: str,
        label: str,
        *,
        begin: int = 0,
        end: int | None = None,
        etag: str | None = None,
        hold: Hold | None = None,
    ) -> Answer:
        """Asks for the bytes from `begin` on, before `end`, of what is at `address`, and follows redirects.

        With an `etag` (or the date of its last change), only if the file is still that one. `label` names it for
        people. The server may answer with the whole file. The response is to be closed. Raises DownloadError, and
        CutError for what may pass; that a store refuses an address which it was itself redirected to may pass, since
        such addresses expire.
        """
        from urllib.error import HTTPError

        asked, identity = address, None
        for _ in range(MOST_REDIRECTS + 1):
            try:
                response = self._request(address, label, begin, end, etag, hold)
            except HTTPError as error:
                with error:
                    identity = identity or identity_of(error.headers)
                    there = error.headers.get("Location")
                    if not (300 <= error.code < 400 and there):
                        if error.code in (401, 403) and not is_of(address, asked):
                            expired = failure("refused", address, label, status=error.code)
                            raise CutError(expired, status=error.code) from error
                        raise (
                            refusal_of(address, label, error.code, error.headers, self.access)
                            or refusal(address, label, error.code, error.headers)
                        ) from error
                    there = urljoin(address, there)
                    if not follows(address, there):
                        raise failure("refused", address, label, status=error.code) from error
                    address = there
                    continue
            return Answer(response, identity or identity_of(response.headers), address)
        raise failure("trouble", address, label, status=302)

    def _request(
        self, address: str, label: str, begin: int, end: int | None, etag: str | None, hold: Hold | None
    ) -> HTTPResponse:
        """Raises HTTPError for every answer but bytes, CutError, DownloadError."""
        import ssl
        from http.client import HTTPException
        from urllib.error import HTTPError, URLError
        from urllib.request import Request

        from autoglm_lite import __version__
        from autoglm_lite.store.hub import connecting

        headers = {"User-Agent": f"autoglm-lite/{__version__}", "Accept-Encoding": "identity"}
        headers |= self.access.headers(address)
        if begin or end is not None:
            headers["Range"] = f"bytes={begin}-{'' if end is None else end - 1}"
            if etag:
                headers["If-Range"] = etag
        try:
            opener = connecting.opener(self._safe() if address.startswith("https:") else None, hold)
            response: HTTPResponse = opener.open(Request(address, headers=headers), timeout=self._stall)
        except HTTPError:
            raise
        except (URLError, HTTPException, OSError, ValueError) as error:
            broken = failure("connection", address, label, why=why(error))
            if isinstance(getattr(error, "reason", None), ssl.SSLCertVerificationError):
                raise broken from error
            raise CutError(broken) from error
        return response

    def _safe(self) -> SSLContext:
        """Made once: reading the certificates takes an old processor a tenth of a second."""
        import ssl

        with self._lock:
            self._context = self._context or ssl.create_default_context()
            return self._context


def refusal(address: str, label: str, status: int, headers: Headers) -> Exception:
    """A DownloadError, or a CutError where it is worth trying again."""
    if status in (401, 403):
        return failure("refused", address, label, status=status)
    if status in (404, 410):
        return failure("missing", address, label, status=status)
    kind: Failure = "busy" if status in (429, 503) else "trouble"
    n_bytes = length_of(headers) if status == 416 else None
    wait = seconds_to_wait(headers, time.time())
    return CutError(failure(kind, address, label, status=status), wait, status, n_bytes)


def failure(kind: Failure, address: str, label: str, **facts: object) -> DownloadError:
    return DownloadError(kind, host=urlsplit(address).hostname, name=label, **facts)


def why(error: BaseException) -> str:
    """In a few words, why a connection failed."""
    reason = getattr(error, "reason", error)
    if isinstance(reason, TimeoutError):
        return "nothing comes"
    return str(getattr(reason, "strerror", None) or reason or type(error).__name__)[:100]
