"""Who may come in: only programs of this user, by the names that this service has, with its key.

A web page that somebody visits can send requests to this computer too. It cannot send our key, and its requests carry
an Origin that is not ours; a name of its own that it had resolved to this computer (DNS rebinding) shows in Host.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from autoglm_lite.server.endpoint import Family, refused
from autoglm_lite.server.failures import Failure

LOOPBACK = ("127.0.0.1", "[::1]", "localhost")
AUTHORITY = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")
USUAL_PORTS = {"http": 80, "https": 443}

NO_KEY = Failure(
    "key",
    "This service needs its key, as `Authorization: Bearer KEY` or `x-api-key: KEY`;"
    " `autoglm-lite service status` shows it.",
    {"WWW-Authenticate": 'Bearer realm="autoglm-lite"'},
)
WRONG_HOST = Failure(
    "forbidden",
    "The service is not called by this name here: ask it as localhost, or start it with --host NAME.",
)
WRONG_ORIGIN = Failure("forbidden", "Pages of other sites may not ask this service.")


@dataclass(frozen=True, slots=True)
class Door:
    """Whom the service lets in."""

    key: str | None
    """None lets in whoever reaches it."""
    names: frozenset[str] = frozenset(LOOPBACK)
    """By which it may be asked over TCP, in lower case, an IPv6 address in brackets; beside them the address that the
    connection came to."""
    anywhere: bool = False
    """It listens on all addresses, maybe behind a port of another computer or of a container's host: any literal
    address will do, and any port. A literal cannot be made to resolve to this computer by somebody else."""

    def knows(self, host: bytes, server: tuple[str, int | None] | None) -> bool:
        """Whether a request for `host` that arrived at the address `server` is meant for this service."""
        if server is None or server[1] is None:
            # A Unix socket: no web page can reach it, and every client writes something else here.
            return True
        found = _authority(host.decode("latin-1"), "http")
        if found is None:
            return False
        name, port = found
        if self.anywhere:
            return name in self.names or _is_literal(name)
        return port == server[1] and (name in self.names or name == _literal(server[0]))

    def opens_to(self, keys: Iterable[bytes]) -> bool:
        """Whether one of `keys` is the key. Takes equally long however much of one is right."""
        if self.key is None:
            return True
        wanted = self.key.encode("ascii")
        # All of them: the answer must not come sooner for the first.
        right = [hmac.compare_digest(key, wanted) for key in keys]
        return any(right)


class Guard:
    """ASGI middleware: refuses before a body is read, in the form of the protocol that is asked."""

    def __init__(
        self, app: ASGIApp, door: Door, family_of: Callable[[str], Family], is_open: Callable[[str], bool]
    ) -> None:
        """By the path of a request: `family_of`, its protocol, and `is_open`, whether it needs no key."""
        self._app = app
        self._door = door
        self._family_of = family_of
        self._is_open = is_open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        failure = self._failure(scope) if scope["type"] == "http" else None
        if failure is None:
            await self._app(scope, receive, send)
        else:
            await refused(self._family_of(scope["path"]), failure)(scope, receive, send)

    def _failure(self, scope: Scope) -> Failure | None:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        hosts = _all(headers, b"host") or [b""]
        if len(hosts) > 1 or not self._door.knows(hosts[0], scope.get("server")):
            return WRONG_HOST
        if not all(self._is_ours(origin, hosts[0], scope.get("server")) for origin in _all(headers, b"origin")):
            return WRONG_ORIGIN
        if not self._is_open(scope["path"]) and not self._door.opens_to(_keys(headers)):
            return NO_KEY
        return None

    def _is_ours(self, origin: bytes, host: bytes, server: tuple[str, int | None] | None) -> bool:
        """A page that this service itself gave out, by the name that it was asked by or another of its own."""
        scheme, _, authority = origin.decode("latin-1").lower().partition("://")
        if scheme not in USUAL_PORTS or server is None or server[1] is None:
            return False
        named = _authority(authority, scheme)
        if named is None:
            return False
        return named == _authority(host.decode("latin-1"), scheme) or (named[0] in LOOPBACK and named[1] == server[1])


def door(key: str | None, hosts: Iterable[str]) -> Door:
    """For a service that listens on `hosts`, or is called so: names, or addresses with or without brackets."""
    given = [host.lower().strip("[]") for host in hosts]
    anywhere = any(_is_literal(host) and ipaddress.ip_address(host).is_unspecified for host in given)
    return Door(key, frozenset((*LOOPBACK, *map(_literal, given))), anywhere)


def _authority(text: str, scheme: str) -> tuple[str, int] | None:
    """Name and port of a Host or an Origin; None for what is neither."""
    match = AUTHORITY.fullmatch(text.lower())
    if match is None:
        return None
    port = int(match["port"]) if match["port"] else USUAL_PORTS[scheme]
    return match["name"], port


def _literal(address: str) -> str:
    """An address as it stands in a URL; a name stays as it is."""
    return f"[{address}]" if ":" in address else address


def _is_literal(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _all(headers: list[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for key, value in headers if key == name]


def _keys(headers: list[tuple[bytes, bytes]]) -> list[bytes]:
    found = _all(headers, b"x-api-key")
    for value in _all(headers, b"authorization"):
        scheme, _, key = value.partition(b" ")
        if scheme.lower() == b"bearer":
            found.append(key.strip())
    return found
