"""Asking a hub's API: JSON of a bounded size, in a bounded time, over a line that may break."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from autoglm_lite.store.hub.client import Client, CutError, failure, why

if TYPE_CHECKING:
    from http.client import HTTPResponse

Found = TypeVar("Found")
MOST_BYTES = 8_000_000
"""A repository of 1,000 files takes 0.3 MB."""
MOST_SECONDS = 180.0
WAITS = (1.0, 3.0)
"""Seconds before each further attempt, where the server does not say how long."""
MOST_WAIT = 30.0


def ask(address: str, label: str, client: Client, waits: Sequence[float] = WAITS) -> object:
    """What the JSON at `address` says; `label` names it for people. Raises DownloadError."""

    def once() -> bytes:
        with client.open(address, label).response as response:
            return _body(response, address, label)

    return _parsed(patiently(once, waits), address, label)


def patiently(work: Callable[[], Found], waits: Sequence[float] = WAITS) -> Found:
    """Does it again where it is cut off, after each of `waits`. Raises DownloadError."""
    try:
        return work()
    except CutError as cut:
        if not waits:
            raise cut.failure from cut
        time.sleep(waits[0] if cut.wait is None else min(cut.wait, MOST_WAIT))
        return patiently(work, waits[1:])


def _body(response: HTTPResponse, address: str, label: str) -> bytes:
    from http.client import HTTPException

    body = bytearray()
    ends = time.monotonic() + MOST_SECONDS
    length = response.headers.get("Content-Length", "")
    while True:
        try:
            piece = response.read1(1 << 16)
        except (OSError, HTTPException, ValueError) as error:
            raise CutError(failure("connection", address, label, why=why(error))) from error
        body += piece
        if len(body) > MOST_BYTES:
            raise failure("listing", address, label, why=f"it is longer than {MOST_BYTES // 1_000_000} MB")
        if not piece:
            if length.isdigit() and len(body) < int(length):
                raise CutError(failure("connection", address, label, why="cut off"))
            return bytes(body)
        if time.monotonic() > ends:
            raise failure("connection", address, label, why="it takes too long")


def _parsed(body: bytes, address: str, label: str) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        login = body.lstrip()[:1] == b"<"
        raise failure(
            "listing",
            address,
            label,
            why="perhaps this network wants you to log in first" if login else "it is no JSON",
        ) from error
