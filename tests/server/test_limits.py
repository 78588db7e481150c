"""Too much of anything is refused in a sentence, and the memory stays."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from autoglm_lite.hardware.process import process_memory
from tests.server.closed import ask, port_of
from tests.server.serving import Running

CHAT = "/v1/chat/completions"
HELLO = '{"messages": [{"role": "user", "content": "hello"}], "max_tokens": 4'


def post(running: Running, body: bytes, path: str = CHAT) -> httpx.Response:
    return running.http.post(path, content=body)


def refused(found: httpx.Response) -> str:
    """The sentence."""
    assert 400 <= found.status_code < 500, found.text
    assert found.headers["content-type"] == "application/json"
    sentence = found.json()["error"]["message"]
    assert "Traceback" not in sentence
    assert len(sentence) < 1100
    return str(sentence)


def megabytes(n: int) -> Iterator[bytes]:
    for _ in range(n):
        yield b" " * 1_000_000


def test_a_body_of_a_hundred_megabytes_is_not_read(running: Running) -> None:
    port = port_of(running)
    head = f"POST {CHAT} HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n"
    found = ask(port, head.encode())
    assert found.status == 413
    assert "4 MB" in json.loads(found.body)["error"]["message"]


def test_nor_is_one_that_does_not_say_its_length(running: Running) -> None:
    try:
        found = running.http.post(CHAT, content=megabytes(100))
    except httpx.WriteError:
        # Closed before all of it was sent.
        return
    assert found.status_code == 413


@pytest.mark.parametrize("length", ["-1", "+5", "5 5", "0x5", "1e3", "٣", "5, 6", "99999999999999999999999999"])
def test_a_length_that_is_no_number_is_refused(running: Running, length: str) -> None:
    head = f"POST {CHAT} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    assert ask(port_of(running), head.encode("utf-8")).status in (400, 413)


@pytest.mark.parametrize(
    "framing",
    [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
    ],
)
def test_a_request_of_two_lengths_is_no_two_requests(running: Running, framing: str) -> None:
    head = f"POST {CHAT} HTTP/1.1\r\nHost: a\r\n{framing}Connection: close\r\n\r\n"
    assert (
        400 <= ask(port_of(running), head.encode() + b"0\r\n\r\nGET /health HTTP/1.1\r\nHost: a\r\n\r\n").status <= 501
    )


def test_headers_without_end_are_refused(running: Running) -> None:
    head = b"GET /health HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"x" * 1000) for n in range(200))
    assert ask(port_of(running), head).status == 400


WRONG: dict[str, str | bytes] = {
    "no JSON": "nothing",
    "nothing": "",
    "half of it": HELLO,
    "two of them": HELLO + "}" + HELLO + "}",
    "a list": "[]",
    "a number": "1",
    "null": "null",
    "not UTF-8": b'{"messages": [{"role": "user", "content": "\xff\xfe"}]}',
    "UTF-16": (HELLO + "}").encode("utf-16"),
    "a lone surrogate": '{"messages": [{"role": "user", "content": "\\ud800"}]}',
    "the other half of a pair": '{"messages": [{"role": "user", "content": "a\\udc00b"}]}',
    "a NUL in a number": HELLO + ', "seed": 1\x00}',
    "lists a hundred thousand deep": HELLO + ', "x": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "objects a hundred thousand deep": HELLO + ', "x": ' + '{"a":' * 100_000 + "1" + "}" * 100_000 + "}",
    "deep content": '{"messages": ' + "[" * 100_000,
    "NaN": HELLO + ', "temperature": NaN}',
    "Infinity": HELLO + ', "temperature": Infinity}',
    "a number beyond all": HELLO + ', "temperature": 1e999}',
    "minus one": HELLO + ', "temperature": -1}',
    "a number of a million digits": HELLO + ', "temperature": ' + "9" * 1_000_000 + "}",
    "words for a number": HELLO + ', "temperature": "hot"}',
    "many answers": HELLO + ', "n": 1000000000}',
    "no answer": HELLO + ', "n": 0}',
    "half an answer": HELLO + ', "n": 1.5}',
    "tokens": HELLO.replace("4", "1e12") + "}",
    "tokens as a whole number": HELLO.replace("4", "1000000000000") + "}",
    "no token": HELLO.replace("4", "0") + "}",
    "less than no token": HELLO.replace("4", "-2") + "}",
    "half a token": HELLO.replace("4", "4.5") + "}",
    "a million biases": HELLO + ', "logit_bias": {' + ",".join(f'"{n}":1' for n in range(300_000)) + "}}",
    "many words to stop at": HELLO + ', "stop": ' + json.dumps(["x"] * 100_000) + "}",
    "a very long word to stop at": HELLO + ', "stop": "' + "x" * 100_000 + '"}',
    "many logprobs": HELLO + ', "logprobs": true, "top_logprobs": 1000}',
    "many empty objects": HELLO + ', "metadata": [' + ",".join(["{}"] * 500_000) + "]}",
    "many messages": json.dumps({"messages": [{"role": "user", "content": "x"}] * 50_000}),
    "no message": '{"messages": []}',
    "a long name": HELLO + ', "model": "' + "x" * 100_000 + '"}',
    "a long prompt": json.dumps({"messages": [{"role": "user", "content": "x " * 1_000_000}]}),
    "a role of a million characters": json.dumps({"messages": [{"role": "~" * 1_000_000, "content": "x"}]}),
    "a role of its own": '{"messages": [{"role": "root", "content": "x"}]}',
    "a long role": json.dumps({"messages": [{"role": "r" * 100_000, "content": "x"}]}),
    "a long tool to call": HELLO
    + ', "tool_choice": {"type": "function", "function": {"name": "'
    + "x" * 100_000
    + '"}}}',
}


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG.keys())
def test_what_makes_no_sense_is_refused(running: Running, body: str | bytes) -> None:
    refused(post(running, body.encode() if isinstance(body, str) else body))


def test_two_hundred_requests_at_once_are_served_or_told_to_wait(running: Running) -> None:
    body = (HELLO + "}").encode()
    post(running, body)
    with ThreadPoolExecutor(64) as pool:
        found = list(pool.map(lambda _: httpx_free(running, body), range(200)))
    assert {status for status, _ in found} <= {200, 429}
    assert (200, None) in found
    assert all(seconds is None or int(seconds) > 0 for _, seconds in found)
    assert running.http.get("/health").status_code == 200


def httpx_free(running: Running, body: bytes) -> tuple[int, str | None]:
    """Status and Retry-After."""
    head = f"POST {CHAT} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    found = ask(port_of(running), head.encode() + body)
    assert found.status == 200 or "retry-after" in found.headers
    return found.status, found.headers.get("retry-after")


def test_the_memory_does_not_grow_with_what_is_refused(running: Running) -> None:
    bodies = [body.encode() if isinstance(body, str) else body for body in WRONG.values()]

    def all_of_them() -> None:
        for body in bodies:
            post(running, body)

    grown = grows(all_of_them, times=5)
    assert grown < 50e6


def grows(work: Callable[[], None], times: int) -> int:
    """Bytes of memory that this process takes more after `work` than after it was done once."""
    work()
    before = process_memory(os.getpid())[0]
    for _ in range(times):
        work()
    return process_memory(os.getpid())[0] - before
