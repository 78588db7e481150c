"""Clients that begin and do not go on: they delay nobody, and they do not stay."""

from __future__ import annotations

import asyncio
import select
import socket
import threading
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from autoglm_lite.server import patience
from autoglm_lite.server.listen import make_server, tcp_socket
from autoglm_lite.server.patience import Connection, Server
from autoglm_lite.server.streaming import Streamed
from tests.server.closed import answer, ask

PATIENCE = 30.0
HALF_OPEN = 200
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HEAD_SECONDS", "BODY_SECONDS", "READ_SECONDS", "CLOSE_SECONDS"):
        monkeypatch.setattr(patience, name, 0.3)


@contextmanager
def served(app: ASGIApp) -> Iterator[tuple[int, Server]]:
    with tcp_socket("127.0.0.1", 0) as listening:
        server = make_server(app)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])), daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1], server
        finally:
            server.end()
            thread.join(PATIENCE)
            assert not thread.is_alive()


async def told(request: Request) -> Response:
    return PlainTextResponse(f"{len(await request.body())} bytes")


async def endless(request: Request) -> Response:
    async def pieces() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                await asyncio.sleep(0)
                yield b"x" * 65536
        finally:
            request.app.state.ended.set()

    return Streamed(pieces(), "text/plain")


async def slow(request: Request) -> Response:
    await asyncio.sleep(1)
    return PlainTextResponse("at last")


def application() -> Starlette:
    app = Starlette(
        routes=[Route("/", told, methods=["GET", "POST"]), Route("/endless", endless), Route("/slow", slow)]
    )
    app.state.ended = threading.Event()
    return app


def closes(connection: socket.socket) -> bool:
    """Whether the other side does, within our patience; what comes before is read."""
    end = time.monotonic() + PATIENCE
    while (left := end - time.monotonic()) > 0:
        if select.select([connection], [], [], left)[0]:
            try:
                if not connection.recv(65536):
                    return True
            except ConnectionResetError:
                return True
    return False


UNFINISHED = {
    "nothing": b"",
    "half a line": b"GET / HT",
    "half the headers": b"GET / HTTP/1.1\r\nHost: a\r\n",
    "half a body": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf",
    "half a chunk": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha",
    "half a body that nobody reads": b"POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf",
    "half of a second request": b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHo",
}


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("sent", UNFINISHED.values(), ids=UNFINISHED.keys())
def test_who_does_not_finish_a_request_is_not_waited_for(sent: bytes) -> None:
    with served(application()) as (port, _), socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(sent)
        assert closes(connection)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(
    ("begin", "drop"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n", b"x"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n", b"x"),
        (b"POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n", b"x"),
    ],
    ids=["headers", "body", "body that nobody reads"],
)
def test_a_byte_now_and_then_buys_no_time(begin: bytes, drop: bytes) -> None:
    with served(application()) as (port, _), socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(begin)
        end = time.monotonic() + PATIENCE
        with pytest.raises(OSError):  # noqa: PT011
            while time.monotonic() < end:
                connection.sendall(drop)
                time.sleep(0.05)


@pytest.mark.usefixtures("short")
def test_who_does_not_read_the_answer_loses_it_and_its_work_ends() -> None:
    app = application()
    with served(app) as (port, _), socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
        assert app.state.ended.wait(PATIENCE)


@pytest.mark.usefixtures("short")
def test_an_answer_may_take_longer_than_any_limit() -> None:
    with served(application()) as (port, _):
        assert ask(port, GET.replace(b"/", b"/slow", 1)).body == b"at last"


@pytest.mark.usefixtures("short")
def test_a_connection_is_used_again_and_again() -> None:
    with served(application()) as (port, server), httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
        for size in range(20):
            assert http.post("/", content=b"x" * size).text == f"{size} bytes"
            time.sleep(0.02)
        assert len(server.server_state.connections) == 1


@pytest.mark.parametrize("sent", [UNFINISHED["half the headers"], UNFINISHED["half a body"]])
def test_two_hundred_half_open_connections_keep_nobody_out(sent: bytes) -> None:
    with served(application()) as (port, _), ExitStack() as held:
        for _ in range(HALF_OPEN):
            held.enter_context(socket.create_connection(("127.0.0.1", port))).sendall(sent)
        assert ask(port, GET).status == 200


def test_beyond_the_most_connections_the_longest_unfinished_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autoglm_lite.server.listen.MOST_CONNECTIONS", 10)
    monkeypatch.setattr(patience, "USUAL_SECONDS", 0.2)
    with served(application()) as (port, _), ExitStack() as held:
        busy = held.enter_context(socket.create_connection(("127.0.0.1", port)))
        busy.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        idle = [held.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(9)]
        time.sleep(0.3)
        assert ask(port, GET).status == 200
        assert closes(idle[0])
        assert answer(busy).body == b"at last"


def test_the_server_sleeps_while_nobody_asks() -> None:
    with served(application()) as (port, server):
        assert "GMT" in ask(port, GET).headers["date"]
        loop = server._loop
        assert loop is not None
        woken = asyncio.run_coroutine_threadsafe(_wakeups(loop, 1.0), loop).result(PATIENCE)
        assert woken <= 3


async def _wakeups(loop: asyncio.AbstractEventLoop, seconds: float) -> int:
    """How often the loop has turned meanwhile."""
    turns = 0
    select_ = loop._selector.select  # type: ignore[attr-defined]

    def counted(timeout: float | None = None) -> object:
        nonlocal turns
        turns += 1
        return select_(timeout)

    loop._selector.select = counted  # type: ignore[attr-defined]
    try:
        await asyncio.sleep(seconds)
    finally:
        loop._selector.select = select_  # type: ignore[attr-defined]
    return turns


def test_the_most_connections_leave_files_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda kind: (100, 100))
    kind = make_server(application()).config.http
    assert isinstance(kind, type)
    assert issubclass(kind, Connection)
    assert kind.most == 50
