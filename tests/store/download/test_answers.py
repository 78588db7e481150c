"""What the answers of servers mean, beside the words of RFC 9110."""

from __future__ import annotations

from email.message import Message

import pytest

from autoglm_lite.store.hub.answers import length_of, span_of, starts_at, validator

RANGE = {"Content-Range": "bytes 10-19/100"}


@pytest.mark.parametrize(
    ("status", "headers", "span"),
    [
        (206, RANGE, (10, 100)),
        (206, {"Content-Range": "bytes 10-19/*"}, (10, None)),
        (206, {"Content-Range": "bytes 11-19/100"}, None),
        (206, {"Content-Range": "bytes 10-9/100"}, None),
        (206, {"Content-Range": "bytes 10-19"}, None),
        (206, {"Content-Range": "bytes ١٠-19/100"}, None),
        (206, {"Content-Type": "multipart/byteranges; boundary=a"}, None),
        (206, {**RANGE, "Content-Encoding": "gzip"}, None),
        (206, {**RANGE, "Content-Encoding": "identity"}, (10, 100)),
        (200, RANGE, (10, 100)),
        (200, {"Content-Range": "bytes 5-19/100", "Content-Length": "15"}, None),
        (200, {"Content-Length": "100"}, (0, 100)),
        (200, {"Transfer-Encoding": "chunked"}, (0, None)),
        (200, {"Content-Length": "-1"}, None),
        (200, {"Content-Length": "many"}, None),
        (200, {"Content-Length": "100", "Content-Encoding": "br"}, None),
        (204, {}, None),
        (203, {"Content-Length": "100"}, None),
    ],
)
def test_where_a_body_begins(status: int, headers: dict[str, str], span: tuple[int, int | None] | None) -> None:
    assert span_of(status, headers, 10) == span
    of_hundred = span is not None and span[1] in (None, 100)
    assert starts_at(status, headers, 10, 100) == (span[0] if span and of_hundred else None)
    assert starts_at(status, headers, 10, 99) == (span[0] if span and span[1] is None else None)


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"ETag": '"a"'}, '"a"'),
        ({"ETag": 'W/"a"'}, None),
        ({"ETag": "a"}, None),
        ({}, None),
        (
            {"Last-Modified": "Sun, 22 Nov 2026 03:00:00 GMT", "Date": "Sun, 22 Nov 2026 04:00:00 GMT"},
            "Sun, 22 Nov 2026 03:00:00 GMT",
        ),
        ({"Last-Modified": "Sun, 22 Nov 2026 03:00:00 GMT", "Date": "Sun, 22 Nov 2026 03:00:01 GMT"}, None),
        ({"Last-Modified": "Sun, 22 Nov 2026 03:00:00 GMT"}, None),
        ({"Last-Modified": "yesterday", "Date": "today", "ETag": '"b"'}, '"b"'),
        (
            {"ETag": '"c"', "Last-Modified": "Sun, 22 Nov 2026 03:00:00 GMT", "Date": "Sun, 22 Nov 2026 04:00:00 GMT"},
            '"c"',
        ),
        ({"Last-Modified": "Sun, 22 Nov 2026 03:00:00 -0000", "Date": "Sun, 22 Nov 2026 04:00:00 GMT"}, None),
    ],
)
def test_what_holds_ranges_together(headers: dict[str, str], found: str | None) -> None:
    message = Message()
    for name, value in headers.items():
        message[name] = value
    assert validator(message) == found


@pytest.mark.parametrize(
    ("told", "n_bytes"), [("bytes */100", 100), ("bytes 0-1/100", None), ("bytes */*", None), ("", None)]
)
def test_how_long_a_file_is_whose_end_was_passed(told: str, n_bytes: int | None) -> None:
    assert length_of({"Content-Range": told}) == n_bytes
