"""A service with a door: what it lets in is asked over sockets, byte by byte."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.types import ASGIApp

from autoglm_lite.server.app import make_app
from autoglm_lite.server.guard import Door
from autoglm_lite.server.service import Service
from tests.server.serving import Running, serving

KEY = "a-key-that-only-tests-have"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@contextmanager
def closed(folder: Path, files: Mapping[str, Path], door: Door) -> Iterator[Running]:
    with serving(folder, files, application=behind(door)) as running:
        yield running


def behind(door: Door) -> Callable[[Service], ASGIApp]:
    return lambda service: make_app(service, door)


def port_of(running: Running) -> int:
    return int(running.url.rpartition(":")[2])


def ask(port: int, request: bytes, host: str = "127.0.0.1") -> Answer:
    """What is answered to these very bytes."""
    with socket.create_connection((host, port), timeout=30) as connection:
        connection.sendall(request)
        return answer(connection)


def answer(connection: socket.socket) -> Answer:
    """The next one on a connection; a status of 0 where it was closed instead."""
    with connection.makefile("rb") as reading:
        first = reading.readline().split()
        if not first:
            return Answer(0, {}, b"")
        headers: dict[str, str] = {}
        for line in iter(reading.readline, b"\r\n"):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        return Answer(int(first[1]), headers, reading.read(int(headers.get("content-length", 0))))
