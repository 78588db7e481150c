"""How urllib is told to connect: redirects are ours to follow, and another thread may cut a connection."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from ssl import SSLContext
from urllib.request import (
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    Request,
    build_opener,
)


class Hold:
    """A connection that another thread may cut, so that nobody waits for a server that says nothing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._cut = False

    def have(self, connected: socket.socket) -> None:
        with self._lock:
            self._socket = connected
        if self._cut:
            self.cut()

    def cut(self) -> None:
        """This connection, and any that is made later."""
        self._cut = True
        with self._lock, suppress(OSError):
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)


class _Stay(HTTPRedirectHandler):
    """Redirects are followed by us: the first one tells what the file is, and a token must not go along."""

    def redirect_request(self, *_: object) -> None:
        return None


class _Http(HTTPHandler):
    def __init__(self, hold: Hold) -> None:
        super().__init__()
        self._hold = hold

    def http_open(self, req: Request) -> HTTPResponse:
        hold = self._hold

        class Held(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                hold.have(self.sock)

        return self.do_open(Held, req)


class _Https(HTTPSHandler):
    def __init__(self, context: SSLContext, hold: Hold) -> None:
        super().__init__(context=context)
        self._ours, self._hold = context, hold

    def https_open(self, req: Request) -> HTTPResponse:
        hold = self._hold

        class Held(HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                hold.have(self.sock)

        return self.do_open(Held, req, context=self._ours)


def opener(context: SSLContext | None, hold: Hold | None) -> OpenerDirector:
    """With the proxies of the environment; `context` where the address is a safe one."""
    held = hold or Hold()
    return build_opener(_Stay, _Http(held), *([] if context is None else [_Https(context, held)]))
