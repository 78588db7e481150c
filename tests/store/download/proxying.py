"""A proxy on loopback, as one stands between a company and the world."""

from __future__ import annotations

import http.client
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked: list[str]

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.close_connection = True
        self.asked.append(f"GET {self.path}")
        parts = urlsplit(self.path)
        there = http.client.HTTPConnection(parts.netloc, timeout=20)
        headers = {name: value for name, value in self.headers.items() if not name.lower().startswith("proxy")}
        there.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path, headers=headers)
        with there.getresponse() as answer:
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.read())
        there.close()

    def do_CONNECT(self) -> None:
        """RFC 9110, 9.3.6: bytes both ways until one side ends."""
        self.close_connection = True
        self.asked.append(f"CONNECT {self.path}")
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=20) as there:
            self.send_response(200)
            self.end_headers()
            ends = {self.connection: there, there: self.connection}
            while ready := select.select(list(ends), [], [], 20)[0]:
                for one in ready:
                    piece = one.recv(1 << 16)
                    if not piece:
                        return
                    ends[one].sendall(piece)


@contextmanager
def proxying() -> Iterator[tuple[str, list[str]]]:
    """Its address, and what it is asked for."""
    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Proxy,), {"asked": asked}))
    server.daemon_threads = True
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
