"""Some bytes of a file of a hub, without the rest of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autoglm_lite.store.download.progress import USUAL, Patience
from autoglm_lite.store.download.source import Source
from autoglm_lite.store.hub.answers import starts_at
from autoglm_lite.store.hub.client import Client, CutError, failure, why
from converters.files import Files

if TYPE_CHECKING:
    from http.client import HTTPResponse


@dataclass(frozen=True, slots=True)
class Reach:
    """How a hub is reached, and how long it is waited for."""

    client: Client
    patience: Patience = USUAL


def read_range(source: Source, begin: int, end: int, reach: Reach) -> bytes:
    """The bytes from `begin` on, before `end`, of `source`, whose length must be known; goes on where the line breaks.

    Raises DownloadError.
    """
    found = bytearray()
    in_vain = 0
    while len(found) < end - begin:
        before = len(found)
        try:
            _take(source, begin, end, reach.client, found)
        except CutError as cut:
            in_vain = 1 if len(found) > before else in_vain + 1
            if in_vain >= reach.patience.attempts:
                raise cut.failure from cut
            usual = min(reach.patience.first * 2 ** (in_vain - 1), reach.patience.most)
            time.sleep(usual if cut.wait is None else cut.wait)
    return bytes(found)


def _take(source: Source, begin: int, end: int, client: Client, found: bytearray) -> None:
    """Adds to `found` what one connection brings. Raises DownloadError, CutError."""
    from http.client import HTTPException

    assert source.n_bytes is not None
    at = begin + len(found)
    answer = client.open(source.address, source.label, begin=at, end=end)
    with answer.response as response:
        starts = starts_at(response.status, response.headers, at, source.n_bytes)
        if starts is None or (answer.identity and answer.identity.n_bytes != source.n_bytes):
            raise CutError(failure("trouble", source.address, source.label, status=response.status))
        try:
            _skip(response, at - starts)
            while begin + len(found) < end:
                piece = response.read1(min(1 << 16, end - begin - len(found)))
                if not piece:
                    raise OSError("cut off")
                found += piece
        except (OSError, HTTPException, ValueError) as error:
            raise CutError(failure("connection", source.address, source.label, why=why(error))) from error


def _skip(response: HTTPResponse, n_bytes: int) -> None:
    """A server that knows no ranges gives the file from its beginning."""
    while n_bytes:
        piece = response.read1(min(1 << 16, n_bytes))
        if not piece:
            raise OSError("cut off")
        n_bytes -= len(piece)


class FilesAway(Files):
    """Reads shards of a hub by ranges, and every other file as it lies here."""

    def __init__(self, sources: Mapping[Path, Source], reach: Reach) -> None:
        super().__init__()
        self._sources, self._reach = sources, reach

    def read(self, path: Path, offset: int, nbytes: int) -> bytearray:
        """As that of Files; raises DownloadError too."""
        source = self._sources.get(path)
        if source is None:
            return super().read(path, offset, nbytes)
        return bytearray(read_range(source, offset, offset + nbytes, self._reach))
