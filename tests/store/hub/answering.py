"""Answers as the hubs and their stores give them: JSON, redirects, refusals, bytes of a range."""

from __future__ import annotations

import json
import re
import socket
import struct
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from tests.store.hub.fake import Asked, FakeHub, Place

PIECE = 50_000
LOG_IN = b"<html><body>Welcome to the guests' network. Please log in.</body></html>"
STALL_SECONDS = 20.0


@dataclass(frozen=True)
class Span:
    begin: int
    end: int
    """The first byte that is not of it."""


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: FakeHub
    place: Place

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.close_connection = True
        # Whoever asked may have gone.
        with suppress(OSError):
            self.answer(urlsplit(self.path))

    def answer(self, address: SplitResult) -> None:
        raise NotImplementedError

    def note(self, place: Place, file: str | None) -> str:
        self.place = place
        wanted, still = self.headers.get("Range"), self.headers.get("If-Range")
        return self.hub.note(Asked(place, self.path, file, wanted, still, self.token(), self.command))

    def token(self) -> str | None:
        words = self.headers.get("Authorization", "").split(" ")
        return words[1] if len(words) == 2 and words[0] == "Bearer" else None

    def query(self, address: SplitResult, name: str, usual: str = "") -> str:
        return parse_qs(address.query).get(name, [usual])[0]

    def send(self, status: int, headers: Mapping[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_json(self, found: object, headers: Mapping[str, str] | None = None, status: int = 200) -> None:
        body = json.dumps(found).encode()
        self.send(status, {"Content-Type": "application/json; charset=utf-8", **(headers or {})}, body)

    def fail(self, fault: str) -> bool:
        """Whether the fault was one of those that any request may meet; then it has been answered."""
        if fault.isdigit():
            retry = {"Retry-After": "0"} if fault == "429" else {}
            self.send(int(fault), {"X-Error-Message": f"Status {fault}", **retry})
        elif fault == "page":
            self.send(200, {"Content-Type": "text/html"}, LOG_IN)
        elif fault == "cut" and self.place != "store":
            self.connection.shutdown(socket.SHUT_RDWR)
        elif fault == "mute":
            self.hub.released.wait(STALL_SECONDS)
        elif fault == "nonsense":
            self.send(200, {"Content-Type": "application/json"}, b'{"siblings": [{"rfilename"')
        else:
            return False
        return True

    def send_bytes(
        self,
        content: bytes,
        etag: str,
        fault: str,
        file: str,
        status: int = 206,
        linked: str | None = None,
    ) -> None:
        """The whole, or the range that is asked for, with the fault; `status` is that of a range."""
        span = None if fault == "whole" else self.span(len(content), etag)
        if span is not None and span.begin >= len(content):
            self.send(416, {"Content-Range": f"bytes */{len(content)}"})
            return
        begin, end = (0, len(content)) if span is None else (span.begin, span.end)
        if fault == "short":
            end = begin + max(1, (end - begin) // 2)
        lie = fault == "lie"
        self.send_response(200 if span is None else status)
        if span is not None:
            self.send_header("Content-Range", f"bytes {begin + lie}-{end - 1}/{len(content)}")
        self.send_header("ETag", f"W/{etag}" if fault == "weak" else etag)
        self.send_header("Accept-Ranges", "bytes")
        if fault == "gzip":
            self.send_header("Content-Encoding", "gzip")
        if linked:
            self.send_header("X-Linked-ETag", f'"{linked}"')
        if fault == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(end - begin + 7 * lie))
        self.end_headers()
        if self.command == "HEAD":
            return
        body = content[begin:end]
        if fault == "gzip":
            body = zlib.compress(body)[: end - begin]
        if fault == "chunked":
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        if fault == "wrong":
            body = body[:-1] + bytes([body[-1] ^ 1])
        if fault in ("cut", "stall"):
            body = body[: len(body) * 2 // 3]
        if fault == "reset":
            self.wfile.write(body[: len(body) // 3])
            # RFC 9293, 3.10.7: what is closed with no time to linger is reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.rfile.close()
            self.connection.close()
            return
        self.pour(body, file, 0.05 if fault == "slow" else self.hub.pace)
        if fault == "stall":
            self.hub.released.wait(STALL_SECONDS)

    def pour(self, body: bytes, file: str, pace: float) -> None:
        for at in range(0, len(body), PIECE):
            piece = body[at : at + PIECE]
            self.wfile.write(piece)
            with self.hub.lock:
                self.hub.given[file] += len(piece)
            if pace:
                self.hub.released.wait(pace)
        self.wfile.flush()

    def span(self, n_bytes: int, etag: str) -> Span | None:
        """RFC 9110, 14.2 and 13.1.5; None for the whole."""
        match = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if match is None or match[0] == "bytes=-" or self.headers.get("If-Range", etag) != etag:
            return None
        if not match[1]:
            return Span(max(0, n_bytes - int(match[2])), n_bytes)
        end = min(n_bytes, int(match[2]) + 1) if match[2] else n_bytes
        return Span(int(match[1]), end)


def names(path: str) -> list[str]:
    """The parts of a path, each as it is meant."""
    return [unquote(part, errors="surrogateescape") for part in path.split("/")[1:]]
