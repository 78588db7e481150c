"""What the hub's answers mean: pure, so that it can be read beside the hub's own rules.

A file of a repository is at `{endpoint}/{repository}/resolve/{revision}/{file}`. The answer is a redirect to where the
bytes lie, whose address is signed and expires; of large files the redirect itself says in `X-Linked-Size` how many
bytes and in `X-Linked-Etag` which SHA-256 they have (huggingface_hub: file_download.py, constants.py). Ranges are those
of RFC 9110.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from email.message import Message

MOST_BYTES = 1 << 42
MOST_SECONDS = 300.0
"""That a server may ask us to wait."""
SECONDS_SURE = 60.0
"""After a change, until which a file may change again in the same second as its server writes it."""

Headers: TypeAlias = "Mapping[str, str] | Message"


@dataclass(frozen=True, slots=True)
class Identity:
    """What the hub says that a file is."""

    n_bytes: int
    sha256: str


def follows(before: str, after: str) -> bool:
    """Whether a redirect may be followed: never from a safe connection to an open one."""
    return urlsplit(after).scheme == "https" or (urlsplit(before).scheme, urlsplit(after).scheme) == ("http", "http")


def identity_of(headers: Headers) -> Identity | None:
    """None where the headers do not tell."""
    sha256 = headers.get("X-Linked-Etag", "").strip('"').lower()
    size = headers.get("X-Linked-Size", "")
    if not re.fullmatch(r"[0-9a-f]{64}", sha256) or not (size.isascii() and size.isdigit()):
        return None
    return Identity(int(size), sha256) if 0 < int(size) < MOST_BYTES else None


def span_of(status: int, headers: Headers, wanted: int) -> tuple[int, int | None] | None:
    """Where the body of an answer to `Range: bytes={wanted}-...` begins, and how many bytes the whole file has where
    that is told; None where the body is no bytes of a file as they are, or of another place."""
    if headers.get("Content-Encoding", "identity").strip().lower() not in ("identity", ""):
        return None
    match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", headers.get("Content-Range", "").strip(), re.ASCII)
    # A store of ModelScope's has been seen to answer 200 with a range.
    if status == 206 or (status == 200 and "Content-Range" in headers):
        if match is None or int(match[1]) != wanted or int(match[2]) < wanted:
            return None
        return wanted, None if match[3] == "*" else int(match[3])
    length = headers.get("Content-Length", "")
    if status != 200 or (length and not (length.isascii() and length.isdigit())):
        return None
    return 0, int(length) if length else None


def starts_at(status: int, headers: Headers, wanted: int, n_bytes: int) -> int | None:
    """Where the body of an answer to `Range: bytes={wanted}-` begins: at `wanted`, or at 0 where the whole file comes;
    None where the answer speaks of another file than one of `n_bytes`."""
    span = span_of(status, headers, wanted)
    return None if span is None or span[1] not in (None, n_bytes) else span[0]


def length_of(headers: Headers) -> int | None:
    """Of the whole file, as a refusal of a range tells it (RFC 9110, 15.5.17)."""
    match = re.fullmatch(r"bytes \*/(\d+)", headers.get("Content-Range", "").strip(), re.ASCII)
    return int(match[1]) if match else None


def validator(headers: Headers) -> str | None:
    """What holds ranges of a file together that are got apart (RFC 9110, 13.1.5 and 8.8.2.2): a strong ETag, or when
    it was last changed if that is long enough ago; None where an answer has neither."""
    from email.utils import parsedate_to_datetime

    changed = headers.get("Last-Modified", "")
    with suppress(ValueError, TypeError, OverflowError):
        gone = parsedate_to_datetime(headers.get("Date", "")) - parsedate_to_datetime(changed)
        return strong(headers.get("ETag")) or (changed if gone.total_seconds() >= SECONDS_SURE else None)
    return strong(headers.get("ETag"))


def strong(etag: str | None) -> str | None:
    """An ETag by which ranges may be asked for (RFC 9110, 13.1.5); None for a weak one."""
    return etag if etag and etag.startswith('"') else None


def seconds_to_wait(headers: Headers, now: float) -> float | None:
    """What Retry-After asks for, or RateLimit where nothing is left, as Hugging Face says it (huggingface_hub:
    utils/_http.py), within bounds; `now` in seconds since 1970."""
    from email.utils import parsedate_to_datetime

    asked = headers.get("Retry-After", "")
    if not asked and (left := re.search(r";\s*r\s*=\s*0\s*;\s*t\s*=\s*(\d{1,9})", headers.get("RateLimit", ""))):
        asked = left[1]
    try:
        seconds = float(asked) if asked.isdigit() else parsedate_to_datetime(asked).timestamp() - now
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), MOST_SECONDS)
