"""HTTP to a service of this computer, over its Unix socket or its port: one request a connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import h11
import psutil

from autoglm_lite.errors import WorkerDiedError

SECONDS_TO_CONNECT = 5.0
PIECE = 64 * 1024
MAX_LINE = 16_000_000
"""Bytes of one event: more than a context full of text takes."""
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""A service that listens on all addresses is reached on this computer's own."""


class ServiceGoneError(WorkerDiedError):
    """The service cannot be reached, or closed the connection before its answer was whole."""


GONE = "The running service has gone: ask again, and the model is loaded here if the service has not come back."


@dataclass(frozen=True, slots=True)
class Address:
    """Where a service listens, and the key to it."""

    pid: int
    url: str | None
    """Without a path at its end; None where there is only the socket."""
    socket: str | None
    """The path of its Unix socket."""
    key: str | None

    @property
    def alive(self) -> bool:
        """Whether its process lives."""
        return psutil.pid_exists(self.pid)


class Reply:
    """The answer to one request; `body` is read once."""

    def __init__(self, status: int, body: AsyncGenerator[bytes, None]) -> None:
        self.status = status
        self.body = body

    async def whole(self) -> bytes:
        return b"".join([piece async for piece in self.body])

    async def events(self) -> AsyncGenerator[bytes, None]:
        """The data of each server-sent event. Ours are one line each (WHATWG HTML, 9.2.6)."""
        rest = b""
        async for piece in self.body:
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                if line.startswith(b"data:"):
                    yield line[5:].strip()
            if len(rest) > MAX_LINE:
                raise ServiceGoneError("What answers there is not our service: its lines have no end.")


@asynccontextmanager
async def ask(address: Address, method: str, path: str, body: bytes = b"") -> AsyncIterator[Reply]:
    """Sends JSON; leaving early closes the connection, which has the service stop its work.

    Raises ServiceGoneError.
    """
    reader, writer = await _connected(address)
    try:
        connection = h11.Connection(h11.CLIENT)
        headers = [("Host", urlsplit(address.url or "").netloc or "localhost"), ("Connection", "close")]
        if address.key is not None:
            headers.append(("Authorization", f"Bearer {address.key}"))
        if body:
            headers += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        parts = (h11.Request(method=method, target=path, headers=headers), h11.Data(data=body), h11.EndOfMessage())
        try:
            writer.write(b"".join(connection.send(part) or b"" for part in parts))
            await writer.drain()
        except OSError as error:
            raise ServiceGoneError(GONE) from error
        while not isinstance(event := await _next(connection, reader), h11.Response):
            pass
        yield Reply(event.status_code, _body(connection, reader))
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _connected(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    where = urlsplit(address.url or "")
    if address.socket is not None:
        opening = asyncio.open_unix_connection(address.socket)
    else:
        host = where.hostname or "127.0.0.1"
        opening = asyncio.open_connection(ANYWHERE.get(host, host), where.port or 80)
    try:
        return await asyncio.wait_for(opening, SECONDS_TO_CONNECT)
    except (OSError, asyncio.TimeoutError) as error:
        raise ServiceGoneError(GONE) from error


async def _next(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Event:
    try:
        while (event := connection.next_event()) is h11.NEED_DATA:
            connection.receive_data(await reader.read(PIECE))
    except (OSError, h11.RemoteProtocolError) as error:
        raise ServiceGoneError(GONE) from error
    if isinstance(event, h11.ConnectionClosed) or not isinstance(event, h11.Event):
        raise ServiceGoneError(GONE)
    return event


async def _body(connection: h11.Connection, reader: asyncio.StreamReader) -> AsyncGenerator[bytes, None]:
    while isinstance(event := await _next(connection, reader), h11.Data):
        yield bytes(event.data)
