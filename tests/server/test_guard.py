"""Who is let in: by the name that is asked for, by the page that asks, and by the key."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoglm_lite.errors import UsageError
from autoglm_lite.server.app import ENDPOINTS
from autoglm_lite.server.guard import Door, door
from autoglm_lite.server.listen import tcp_socket
from tests.server.closed import KEY, Answer, ask, closed, port_of
from tests.server.serving import Running, serving

PAIRS = [(endpoint, path) for endpoint in ENDPOINTS for path in endpoint.paths]


@pytest.fixture(scope="module")
def guarded(model_files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with closed(tmp_path_factory.mktemp("guarded"), model_files, door(KEY, ["127.0.0.1"])) as running:
        yield running


def get(running: Running, *lines: str, path: str = "/openapi.json", version: str = "1.1") -> Answer:
    """A GET with these header lines, in which PORT is the service's."""
    port = port_of(running)
    head = [f"GET {path} HTTP/{version}", *(line.replace("PORT", str(port)) for line in lines), "", ""]
    return ask(port, "\r\n".join(head).encode("utf-8"))


BEARER = f"Authorization: Bearer {KEY}"

KNOWN_HOSTS = ["127.0.0.1:PORT", "localhost:PORT", "[::1]:PORT", "LocalHost:PORT"]
UNKNOWN_HOSTS = [
    "evil.example:PORT",
    "evil.example",
    "127.0.0.1",
    "localhost",
    "[::1]",
    "127.0.0.1:1",
    "127.0.0.1:80",
    "localhost:0",
    "localhost:99999",
    "localhost:PORT0",
    "localhost:PORT:PORT",
    "localhost:+PORT",
    "localhost.:PORT",
    "localhost.evil.example:PORT",
    "evil.localhost:PORT",
    "127.0.0.1.evil.example:PORT",
    "127.0.0.2:PORT",
    "127.1:PORT",
    "127.0.0.01:PORT",
    "2130706433:PORT",
    "0x7f000001:PORT",
    "0177.0.0.1:PORT",
    "0.0.0.0:PORT",
    "[::]:PORT",
    "::1:PORT",
    "[::ffff:127.0.0.1]:PORT",
    "192.168.1.2:PORT",
    "169.254.169.254:PORT",
    "user@localhost:PORT",
    "localhost:PORT@evil.example",
    "localhost:PORT/",
    "localhost:PORT#",
    "localhost, evil.example",
    "ⅼocalhost:PORT",
    "",
]


@pytest.mark.parametrize("host", KNOWN_HOSTS)
def test_the_names_of_this_computer_are_let_in(guarded: Running, host: str) -> None:
    assert get(guarded, f"Host: {host}", BEARER).status == 200


@pytest.mark.parametrize("path", ["/openapi.json", "/health"])
@pytest.mark.parametrize("host", UNKNOWN_HOSTS)
def test_another_name_is_refused_even_with_the_key(guarded: Running, host: str, path: str) -> None:
    found = get(guarded, f"Host: {host}", BEARER, path=path)
    assert found.status in (400, 403)
    assert not any(name.startswith("access-control") for name in found.headers)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_request_without_a_name_is_refused(guarded: Running, version: str) -> None:
    assert get(guarded, BEARER, version=version).status in (400, 403)


def test_two_names_are_refused(guarded: Running) -> None:
    assert get(guarded, "Host: localhost:PORT", "Host: evil.example", BEARER).status in (400, 403)


def test_a_name_in_the_request_line_does_not_replace_the_header(guarded: Running) -> None:
    assert get(guarded, "Host: evil.example", BEARER, path="http://localhost/openapi.json").status == 403


OURS = ["http://127.0.0.1:PORT", "http://localhost:PORT", "http://[::1]:PORT"]
NOT_OURS = [
    "null",
    "",
    "file://",
    "http://evil.example",
    "https://evil.example:PORT",
    "http://localhost",
    "http://localhost:1",
    "http://localhost:PORT.evil.example",
    "http://localhost:PORT@evil.example",
    "http://localhost:PORT/",
    "http://evil.localhost:PORT",
    "http://127.0.0.1.evil.example:PORT",
    "http://127.0.0.2:PORT",
    "http://192.168.1.2:PORT",
    "chrome-extension://localhost:PORT",
    "localhost:PORT",
    "http://localhost:PORT http://evil.example",
    "http:///localhost:PORT",
]


@pytest.mark.parametrize("origin", OURS)
def test_our_own_pages_may_ask(guarded: Running, origin: str) -> None:
    found = get(guarded, "Host: localhost:PORT", f"Origin: {origin}", BEARER)
    assert found.status == 200
    assert not any(name.startswith("access-control") for name in found.headers)


@pytest.mark.parametrize("path", ["/openapi.json", "/health"])
@pytest.mark.parametrize("origin", NOT_OURS)
def test_other_pages_may_not_even_with_the_key(guarded: Running, origin: str, path: str) -> None:
    found = get(guarded, "Host: localhost:PORT", f"Origin: {origin}", BEARER, path=path)
    assert found.status == 403
    assert not any(name.startswith("access-control") for name in found.headers)


def test_one_of_two_origins_that_is_not_ours_is_enough_to_refuse(guarded: Running) -> None:
    lines = ["Host: localhost:PORT", "Origin: http://localhost:PORT", "Origin: http://evil.example", BEARER]
    assert get(guarded, *lines).status == 403


def test_a_page_s_question_whether_it_may_ask_is_not_answered_with_yes(guarded: Running) -> None:
    port = port_of(guarded)
    found = ask(
        port,
        f"OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: http://evil.example\r\n"
        "Access-Control-Request-Method: POST\r\n\r\n".encode(),
    )
    assert found.status == 403
    assert not any(name.startswith("access-control") for name in found.headers)


RIGHT_KEYS = [
    f"Authorization: Bearer {KEY}",
    f"authorization: bearer {KEY}",
    f"Authorization: Bearer  {KEY} ",
    f"x-api-key: {KEY}",
    f"X-API-Key: {KEY}",
]
WRONG_KEYS = [
    "X-Nothing: 1",
    "Authorization: Bearer wrong",
    "Authorization: Bearer ",
    "Authorization: Bearer",
    "Authorization:",
    f"Authorization: {KEY}",
    f"Authorization: Basic {KEY}",
    f"Authorization: Bearer {KEY[:-1]}",
    f"Authorization: Bearer {KEY}x",
    f"Authorization: Bearer {KEY.upper()}",
    f"Authorization: Bearer {KEY} {KEY}",
    f"Authorization: Bearer,{KEY}",
    "Authorization: Bearer ключ",
    "x-api-key:",
    f"x-api-key: {KEY[1:]}",
    f"x-api-key: Bearer {KEY}",
    f"Cookie: key={KEY}",
    f"Proxy-Authorization: Bearer {KEY}",
]


@pytest.mark.parametrize("line", RIGHT_KEYS)
def test_the_key_opens(guarded: Running, line: str) -> None:
    assert get(guarded, "Host: localhost:PORT", line).status == 200


@pytest.mark.parametrize("line", WRONG_KEYS)
def test_nothing_else_opens(guarded: Running, line: str) -> None:
    found = get(guarded, "Host: localhost:PORT", line)
    assert found.status == 401
    assert found.headers["www-authenticate"].startswith("Bearer")
    assert KEY.encode() not in found.body


def test_the_key_in_the_address_does_not_open(guarded: Running) -> None:
    assert get(guarded, "Host: localhost:PORT", path=f"/openapi.json?key={KEY}&api_key={KEY}").status == 401


@pytest.mark.parametrize(("endpoint", "path"), PAIRS, ids=[f"{e.method} {p}" for e, p in PAIRS])
def test_every_route_needs_the_key_in_its_protocol_s_words(guarded: Running, endpoint, path: str) -> None:  # type: ignore[no-untyped-def]
    port = port_of(guarded)
    line = f"{endpoint.method} {path.replace('{', '').replace('}', '')} HTTP/1.1\r\nHost: localhost:{port}\r\n"
    found = ask(port, f"{line}Content-Length: 2\r\nConnection: close\r\n\r\n{{}}".encode())
    if endpoint.open:
        assert found.status == 200
        return
    assert found.status == 401
    if endpoint.method != "HEAD":
        error = json.loads(found.body)["error"]
        said = error["message"] if isinstance(error, dict) else error
        assert "key" in said


def test_health_alone_is_open() -> None:
    assert {path for endpoint, path in PAIRS if endpoint.open} <= {"/health", "/"}


def test_without_a_key_names_and_origins_count_still(model_files: dict[str, Path], tmp_path: Path) -> None:
    with closed(tmp_path, model_files, door(None, [])) as running:
        assert get(running, "Host: localhost:PORT").status == 200
        assert get(running, "Host: evil.example:PORT").status == 403
        assert get(running, "Host: localhost:PORT", "Origin: null").status == 403


def test_on_all_addresses_any_literal_one_will_do_and_names_that_were_given(
    model_files: dict[str, Path], tmp_path: Path
) -> None:
    with closed(tmp_path, model_files, door(KEY, ["0.0.0.0", "laptop.lan"])) as running:
        for host in ("localhost:PORT", "10.0.2.15:PORT", "10.0.2.15:9000", "[fe80::1]:80", "Laptop.LAN:PORT"):
            assert get(running, f"Host: {host}", BEARER).status == 200
            assert get(running, f"Host: {host}").status == 401
        for host in ("evil.example:PORT", "laptop.lan.evil.example", "[10.0.2.15", "10.0.2.15.evil.example"):
            assert get(running, f"Host: {host}", BEARER).status == 403
        assert get(running, "Host: 10.0.2.15:9000", "Origin: http://10.0.2.15:9000", BEARER).status == 200
        assert get(running, "Host: 10.0.2.15:9000", "Origin: http://10.0.2.16:9000", BEARER).status == 403


@pytest.mark.parametrize("address", ["::", "[::]"])
def test_an_address_may_be_given_as_it_stands_in_a_url(address: str) -> None:
    assert door(KEY, [address]).anywhere
    given = door(KEY, ["127.0.0.1", "[2001:DB8::1]"])
    assert given.knows(b"[2001:db8::1]:8484", ("127.0.0.1", 8484))
    assert not given.anywhere


def test_an_address_of_this_computer_may_be_asked_by_its_number() -> None:
    here = door(KEY, ["laptop.lan"])
    assert here.knows(b"192.168.1.7:8484", ("192.168.1.7", 8484))
    assert here.knows(b"[2001:db8::1]:8484", ("2001:db8::1", 8484))
    assert not here.knows(b"192.168.1.8:8484", ("192.168.1.7", 8484))
    assert here.knows(b"localhost", ("127.0.0.1", 80))
    assert not here.knows(b"localhost", ("127.0.0.1", 8080))


def test_over_a_unix_socket_a_host_says_nothing_and_a_page_is_refused() -> None:
    private = Door(KEY)
    assert private.knows(b"whatever", ("/run/user/1000/autoglm-lite/service.sock", None))
    assert private.knows(b"", None)


def test_a_websocket_is_refused(guarded: Running) -> None:
    lines = ["Host: localhost:PORT", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
    assert get(guarded, *lines).status == 401
    assert get(guarded, *lines, BEARER, path="/v1/chat/completions").status == 405


def test_a_body_is_not_waited_for_before_the_key(guarded: Running) -> None:
    port = port_of(guarded)
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: 100\r\n\r\n".encode()
        )
        assert connection.recv(12) == b"HTTP/1.1 401"


def test_a_service_without_a_door_is_for_tests_alone(model_files: dict[str, Path], tmp_path: Path) -> None:
    with serving(tmp_path, model_files) as running:
        assert get(running, "Host: whatever").status == 200


def test_a_name_that_no_computer_can_have() -> None:
    with pytest.raises(UsageError, match="no address of this computer"):
        tcp_socket("x" * 300, 0)


@pytest.mark.parametrize("host", ["localhost", "[127.0.0.1]"])
def test_an_address_to_listen_on_may_stand_in_brackets(host: str) -> None:
    with tcp_socket(host, 0, private=True) as listening:
        assert listening.getsockname()[1]
