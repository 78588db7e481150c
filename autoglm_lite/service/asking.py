"""Asking the service itself, as its own user."""

from __future__ import annotations

import http.client
import json
import socket
from urllib.parse import urlsplit

from autoglm_lite.errors import AutoglmError


class _OverUnix(http.client.HTTPConnection):
    def __init__(self, path: str, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ask(place: str, path: str, key: str | None, body: object = None, *, seconds: float) -> object:
    """What the service answers, decoded. `place`: a URL or a Unix socket's path; a `body` is sent by POST. Raises
    AutoglmError where it answers nothing, or refuses."""
    connection = _OverUnix(place, seconds) if place.startswith("/") else _over_tcp(place, seconds)
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    try:
        method, sent = ("GET", None) if body is None else ("POST", json.dumps(body))
        connection.request(method, path, sent, headers)
        answer = connection.getresponse()
        said = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise AutoglmError(f"The service does not answer at {place} ({error}).") from error
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise AutoglmError(f"The service refuses at {place}: {said.decode(errors='replace')[:300]}")
    try:
        return json.loads(said)
    except ValueError as error:
        raise AutoglmError(f"What answers at {place} is another program: give another --port.") from error


def _over_tcp(url: str, seconds: float) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    return http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=seconds)
