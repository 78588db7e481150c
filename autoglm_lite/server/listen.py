"""The sockets that the service listens on, and the server that does."""

from __future__ import annotations

import errno
import ipaddress
import os
import resource
import signal
import socket
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Protocol

import uvicorn
from starlette.types import ASGIApp

from autoglm_lite.errors import AutoglmError, UsageError
from autoglm_lite.paths import private_dir
from autoglm_lite.server.patience import Connection, Server

BACKLOG = 128
OPEN = "Other computers reach {}: without a key the service listens only on 127.0.0.1, [::1] or a Unix socket."
OTHERS = "Other computers reach it too: with the key, and nothing is encrypted."
NO_ADDRESS = "--host {} is no address of this computer: 127.0.0.1 is, and `ip addr` lists the others."
MOST_CONNECTIONS = 256
SECONDS_TO_END = 6
"""For the answers under way when the server stops; then they are cut off."""


def tcp_socket(host: str, port: int, *, private: bool = False) -> socket.socket:
    """`host`: a name or an address, which may stand in brackets as in a URL. Raises AutoglmError where it cannot be
    had, and UsageError, before it listens, for one that other computers reach where it must be `private`."""
    try:
        family, kind, number, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
        if private and not is_loopback(address[0]):
            raise UsageError(OPEN.format(host))
        made = socket.socket(family, kind, number)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(BACKLOG)
    except (OSError, UnicodeError) as error:
        raise _not_had(host, port, error) from error
    return made


def _not_had(host: str, port: int, error: OSError | UnicodeError) -> AutoglmError:
    if not isinstance(error, OSError) or isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return UsageError(NO_ADDRESS.format(host[:80]))
    if error.errno == errno.EACCES:
        return AutoglmError(f"Port {port} is kept for the system's own services: give a --port of 1024 or more.")
    return AutoglmError(
        f"The address {host}:{port} cannot be had ({error.strerror}): give another --port, or stop what has it"
        " (`autoglm-lite service status` says whether it is this program)."
    )


def unix_socket(path: Path) -> socket.socket:
    """One that this user alone may connect to; what a dead service left there is replaced. Raises AutoglmError."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        private_dir(path.parent)
        if path.is_socket() and not _answers(path):
            path.unlink()
        before = os.umask(0o177)
        try:
            made.bind(str(path))
        finally:
            os.umask(before)
        made.listen(BACKLOG)
    except OSError as error:
        raise AutoglmError(
            f"The socket {path} cannot be made ({error.strerror or error}): give another --socket, or stop what has it."
        ) from error
    return made


def check_private(sockets: Iterable[socket.socket]) -> None:
    """Raises UsageError for one that other computers reach."""
    for found in sockets:
        if is_open(found):
            raise UsageError(OPEN.format(found.getsockname()[0]))


def is_open(found: socket.socket) -> bool:
    """Whether other computers reach it."""
    return found.family != socket.AF_UNIX and not is_loopback(found.getsockname()[0])


def is_loopback(address: str | int) -> bool:
    return ipaddress.ip_address(address).is_loopback


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking, suppress(OSError):
        asking.connect(str(path))
        return True
    return False


class Attendant(Protocol):
    """Who is told how the server fares."""

    def ready(self, server: Server) -> None:
        """It takes requests."""

    def stopping(self) -> None:
        """It takes no more of them, and soon ends those that it has."""


def addresses(sockets: Iterable[socket.socket]) -> tuple[str | None, str | None]:
    """The URL and the path at which programs of this computer ask for what arrives at the first socket of each kind."""
    url = path = None
    for found in sockets:
        name = found.getsockname()
        if found.family == socket.AF_UNIX:
            path = path or str(name)
        else:
            address = ipaddress.ip_address(name[0])
            if address.is_unspecified:
                address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
            url = url or f"http://{f'[{address}]' if address.version == 6 else address}:{name[1]}"
    return url, path


async def serve(app: ASGIApp, sockets: Sequence[socket.socket], attendant: Attendant) -> int | None:
    """Until SIGINT or SIGTERM, whose number is returned, or until the server is ended."""
    server = make_server(app, attendant)
    await server.serve(list(sockets))
    return server.signal


def make_server(app: ASGIApp, attendant: Attendant | None = None) -> AttendedServer:
    config = uvicorn.Config(
        app,
        http=type("Connection", (Connection,), {"most": most_connections()}),
        # What a client does wrong is no news for the log.
        log_level="error",
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=SECONDS_TO_END,
        h11_max_incomplete_event_size=64 * 1024,
    )
    return AttendedServer(config, attendant)


class AttendedServer(Server):
    def __init__(self, config: uvicorn.Config, attendant: Attendant | None) -> None:
        super().__init__(config)
        self._attendant = attendant
        self.signal: int | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._attendant is not None:
            self._attendant.ready(self)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._attendant is not None:
            self._attendant.stopping()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn's own would raise the signal again at the end, before the models are closed."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.signal = sig
        super().handle_exit(sig, frame)


def most_connections() -> int:
    """Half of the files that this process may open are for others: workers, models, what is kept."""
    return max(8, min(MOST_CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2))
