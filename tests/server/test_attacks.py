"""Pictures from elsewhere and names of files: nothing is fetched, and nothing outside is opened."""

from __future__ import annotations

import asyncio
import base64
import socket
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.server.closed import ask, port_of
from tests.server.serving import Running
from tests.server.witness import CONNECTS, OPENS, Witness

PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(64)).decode()


@pytest.fixture(scope="session")
def witness() -> Witness:
    return Witness()


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[socket.socket]:
    """Where a picture would be fetched from."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


PICTURES = [
    "http://127.0.0.1:PORT/a.png",
    "http://localhost:PORT/a.png",
    "http://[::1]:PORT/a.png",
    "http://[::ffff:127.0.0.1]:PORT/a.png",
    "http://2130706433:PORT/a.png",
    "http://0x7f.1:PORT/a.png",
    "http://0177.0.0.1:PORT/a.png",
    "http://127.1:PORT/a.png",
    "http://0.0.0.0:PORT/redirect",
    "http://user:password@127.0.0.1:PORT/a.png",
    "HTTP://127.0.0.1:PORT/A.PNG",
    " http://127.0.0.1:PORT/a.png",
    "https://127.0.0.1:PORT/a.png",
    "//127.0.0.1:PORT/a.png",
    "ftp://127.0.0.1:PORT/a.png",
    "gopher://127.0.0.1:PORT/_GET",
    "ws://127.0.0.1:PORT/",
    "data://127.0.0.1:PORT/a.png",
    "http://169.254.169.254/latest/meta-data/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://evil.example/a.png",
    "file:///etc/hostname",
    "file://localhost/etc/hostname",
    "file:/etc/hostname",
    "FILE:///etc/hostname",
    "/etc/hostname",
    "../../../../etc/hostname",
    "~/.ssh/id_rsa",
    "\\\\127.0.0.1\\share\\a.png",
    "javascript:alert(1)",
    "",
    "data:",
    "data:image/png;base64,",
    "data:image/png;base64,not base64!",
    "data:text/html,<script>",
    f"data:image/png;base64,{PIXEL}",
]


def bodies(url: str) -> dict[str, dict[str, Any]]:
    """A picture, as each protocol has it, by path."""
    text = {"type": "text", "text": "what is this?"}
    image = {"type": "image_url", "image_url": {"url": url}}
    return {
        "/v1/chat/completions": {"messages": [{"role": "user", "content": [text, image]}], "max_tokens": 4},
        "/v1/responses": {
            "input": [{"role": "user", "content": [{"type": "input_image", "image_url": url, "detail": "auto"}]}],
            "max_output_tokens": 16,
        },
        "/v1/messages": {
            "model": "starter",
            "messages": [{"role": "user", "content": [text, {"type": "image", "source": {"type": "url", "url": url}}]}],
            "max_tokens": 4,
        },
        "/api/chat": {"model": "starter", "messages": [{"role": "user", "content": "?", "images": [url]}]},
        "/api/generate": {"model": "starter", "prompt": "?", "images": [url]},
    }


@pytest.mark.parametrize("url", PICTURES)
def test_no_picture_is_fetched(running: Running, elsewhere: socket.socket, witness: Witness, url: str) -> None:
    there = url.replace("PORT", str(elsewhere.getsockname()[1]))
    with witness.of(CONNECTS | OPENS) as seen:
        for path, body in bodies(there).items():
            found = running.http.post(path, json=body)
            assert 400 <= found.status_code < 500, (path, found.text)
            assert found.headers["content-type"] == "application/json"
    assert seen == []
    with pytest.raises(BlockingIOError):
        elsewhere.accept()


def test_a_picture_of_a_gigabyte_is_not_read(running: Running) -> None:
    port = port_of(running)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: {1 << 30}\r\n\r\n"
    begin = (
        '{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,'
    )
    assert ask(port, (head + begin).encode()).status == 413


def test_the_witness_sees_what_it_should(running: Running, witness: Witness, elsewhere: socket.socket) -> None:
    address = elsewhere.getsockname()

    async def fetch() -> None:
        def now() -> None:
            with suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{address[1]}/", timeout=0.01)
            Path("/etc/hostname").exists()
            with suppress(OSError):
                Path("/etc/hostname").read_text()

        await asyncio.to_thread(now)

    with witness.of(CONNECTS | OPENS) as seen:
        running.call(fetch())
    assert ("socket.connect", address) in seen
    assert any(event == "open" and str(path) == "/etc/hostname" for event, path in seen)
    elsewhere.setblocking(True)
    elsewhere.accept()[0].close()
    elsewhere.setblocking(False)


def wrappings(path: str) -> list[str]:
    """The ways that lead out of a folder to `path`, which is absolute."""
    bare = path.lstrip("/")
    ups = [
        up * n
        for up in ("../", "..\\", "%2e%2e/", "..%2f", "%2e%2e%2f", "..%5c", "..%252f", "....//", "..;/")
        for n in (1, 3, 9)
    ]
    ups += [
        "..%c0%af" * 9,
        "%c0%ae%c0%ae/" * 9,
        "．．/" * 9,
        "..／" * 9,
        "‥/" * 9,
        "․․/" * 9,
        "./../" * 9,
        "a/../../" * 9,
    ]
    found = [path, f"/{path}", f"file://{path}", f"~{path}", f"{path}\0", f"{path}%00.gguf", f"starter/../../..{path}"]
    found += [up + bare for up in ups]
    found += [up.removesuffix("/") + path for up in ups[:6]]
    return found


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory, model_files: dict[str, Path]) -> Path:
    """A model of somebody else, beside those that are served."""
    folder = tmp_path_factory.mktemp("secret")
    (folder / "secret.gguf").write_bytes(model_files["starter"].read_bytes())
    (folder / "resp_0.json").write_text("{}")
    return folder


def names(secret: Path) -> list[str]:
    found = []
    for path in (
        "/etc/passwd",
        "/etc/hostname",
        str(secret / "secret.gguf"),
        str(secret / "secret"),
        "/proc/self/environ",
    ):
        found += wrappings(path)
    found += [
        ".",
        "..",
        "/",
        "\\",
        "~",
        "*",
        "?",
        "[a-z]*",
        "$HOME",
        "`id`",
        "$(id)",
        "starter\n",
        "\0",
        "starter\0.gguf",
    ]
    found += ["starter.gguf.gguf", "STARTER/", "starter/", "./starter", "con", "x" * 256, "\u202estarter", "stɑrter"]
    return found


def test_no_name_of_a_model_leads_out(running: Running, witness: Witness, secret: Path) -> None:
    tried = names(secret)
    assert len(set(tried)) >= 200
    running.http.get("/health")
    with witness.of(OPENS | CONNECTS) as seen:
        for name in tried:
            body = {"model": name, "messages": [{"role": "user", "content": "x"}], "max_tokens": 1}
            for path, status in (("/v1/chat/completions", 404), ("/api/chat", 404), ("/v1/messages", 404)):
                found = running.http.post(path, json=body)
                assert found.status_code in (status, 400), (name, found.text)
            found = running.http.post("/api/show", json={"model": name})
            assert found.status_code in (404, 400), (name, found.text)
    assert seen == []


def test_no_address_leads_out(running: Running, witness: Witness, secret: Path) -> None:
    port = port_of(running)
    running.http.get("/v1/responses/resp_" + 32 * "0")
    with witness.of(OPENS | CONNECTS) as seen:
        for name in names(secret):
            for quoted in {urllib.parse.quote(name, safe=""), urllib.parse.quote(name, safe="/%\\;")}:
                for path in ("/v1/models/", "/v1/responses/", "/models/", "/"):
                    line = f"GET {path}{quoted} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
                    found = ask(port, line.encode())
                    assert found.status in (200, 400, 404, 405), (path, quoted)
                    assert b"root:" not in found.body
    assert seen == []
