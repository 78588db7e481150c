"""A hub on loopback: it redirects to a store of bytes, and cuts, lies, stalls and refuses as it is told."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Hub:
    content: bytes
    faults: list[str] = field(default_factory=list)
    """Of the answers to come, the first first; then all goes well."""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """Paths and ranges."""
    etag: str = '"bytes-1"'
    sha256: str = ""
    pace: float = 0.0
    """Seconds between pieces."""
    url: str = ""
    released: threading.Event = field(default_factory=threading.Event)
    """Ends what stalls."""

    def __post_init__(self) -> None:
        self.sha256 = self.sha256 or hashlib.sha256(self.content).hexdigest()

    def ranges(self) -> list[str | None]:
        """Of the store of bytes."""
        return [asked for path, asked in self.asked if path == "/bytes"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        hub = self.hub
        hub.asked.append((self.path, self.headers.get("Range")))
        self.close_connection = True
        if self.path != "/bytes":
            fault = hub.faults[0] if hub.faults and hub.faults[0].startswith("hub ") else ""
            if fault:
                hub.faults.pop(0)
            self.redirect(fault)
        else:
            self.give(hub.faults.pop(0) if hub.faults else "")

    def redirect(self, fault: str) -> None:
        hub = self.hub
        if match := re.fullmatch(r"hub (\d+)", fault):
            self.refuse(int(match[1]))
            return
        there = {"hub circle": self.path, "hub elsewhere": "ftp://127.0.0.1/bytes"}.get(fault, f"{hub.url}/bytes")
        self.send_response(302)
        self.send_header("Location", there)
        self.send_header("Content-Length", "0")
        if fault != "hub silent":
            self.send_header("X-Linked-Size", str(len(hub.content)))
            self.send_header("X-Linked-Etag", f'"{hub.sha256}"')
        self.end_headers()

    def refuse(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        if status == 429:
            self.send_header("Retry-After", "0")
        self.end_headers()

    def give(self, fault: str) -> None:
        hub = self.hub
        if fault.isdigit():
            self.refuse(int(fault))
            return
        begin, content = 0, hub.content
        match = re.fullmatch(r"bytes=(\d+)-\d*", self.headers.get("Range", ""))
        if match and fault != "whole" and self.headers.get("If-Range", hub.etag) == hub.etag:
            begin = int(match[1])
            if begin >= len(content):
                self.refuse(416)
                return
            self.send_response(206)
            shown = begin + 1 if fault == "lie" else begin
            self.send_header("Content-Range", f"bytes {shown}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("ETag", hub.etag)
        length = len(content) - begin
        self.send_header("Content-Length", str(length + 7 if fault == "lie" else length))
        self.end_headers()
        body = content[begin:]
        if fault == "wrong":
            body = body[:-1] + bytes([body[-1] ^ 1])
        if fault.startswith(("cut", "stall")):
            body = body[: len(body) * 2 // 3]
        try:
            for at in range(0, len(body), 50_000):
                self.wfile.write(body[at : at + 50_000])
                if hub.pace:
                    hub.released.wait(hub.pace)
            self.wfile.flush()
            if fault == "stall":
                hub.released.wait(20)
        except OSError:
            pass


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    handler = type("Bound", (Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
