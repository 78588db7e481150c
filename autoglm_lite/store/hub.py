"""What the hub's addresses and answers mean: pure, so that it can be read beside the hub's own rules.

A file of a repository is at `{endpoint}/{repository}/resolve/{revision}/{file}`. The answer is a redirect to where the
bytes lie, whose address is signed and expires; of large files the redirect itself says in `X-Linked-Size` how many
bytes and in `X-Linked-Etag` which SHA-256 they have (huggingface_hub: file_download.py, constants.py). Ranges are those
of RFC 9110.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import quote, urlsplit

from autoglm_lite.errors import AutoglmError, UsageError

if TYPE_CHECKING:
    from email.message import Message

HUB = "https://huggingface.co"
MOST_BYTES = 1 << 42
MOST_SECONDS = 300.0
"""That a server may ask us to wait."""

Failure = Literal[
    "refused", "missing", "busy", "trouble", "connection", "unchecked", "wrong", "full", "taken", "unwritable"
]
Headers: TypeAlias = "Mapping[str, str] | Message"
SENTENCES: Mapping[Failure, str] = {
    "refused": "{host} does not give {name} to everyone (HTTP {status}): take another model.",
    "missing": "{host} has no {name} any more (HTTP {status}): take another model.",
    "busy": "{host} has too much to do (HTTP {status}): try again later; what came is kept.",
    "trouble": "{host} cannot answer as it should (HTTP {status}): try again later; what came is kept.",
    "connection": "The connection to {host} fails ({why}): look at the network and go on; what came is kept.",
    "unchecked": "{host} does not say how {name} can be checked: perhaps this network wants you to log in first.",
    "wrong": "What came of {name} is not what {host} has, so it was thrown away: get it again.",
    "full": "The disk has too little room for {name}: it needs {needed} MB more and has {free} MB; what came is kept.",
    "taken": "Another autoglm-lite is getting {name} already.",
    "unwritable": "The folder {folder} cannot be written ({why}): check it and go on.",
}


class DownloadError(AutoglmError):
    """A download ended without the file; `kind` and `facts` say it in any language."""

    def __init__(self, kind: Failure, **facts: object) -> None:
        super().__init__(SENTENCES[kind].format(**facts))
        self.kind, self.facts = kind, facts


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file of the hub and what it is to be called here."""

    reference: str
    """hf:org/repo/file."""
    name: str
    """Of the file in the models' folder."""
    label: str
    """For people."""
    n_bytes: int
    """About, until the hub says it."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What the hub says that a file is."""

    n_bytes: int
    sha256: str


def endpoint(environ: Mapping[str, str]) -> str:
    """The hub, or what HF_ENDPOINT puts in its place. Raises UsageError for an address that is none."""
    found = (environ.get("HF_ENDPOINT") or HUB).rstrip("/")
    if urlsplit(found).scheme not in ("http", "https") or not urlsplit(found).hostname:
        raise UsageError(f"HF_ENDPOINT={found[:60]} is no address: give one such as {HUB}.")
    return found


def address_of(reference: str, hub: str) -> str:
    """Raises ValueError for what does not name a file of a repository."""
    match = re.fullmatch(r"hf:([\w.-]+/[\w.-]+)/([^\\]+)", reference)
    if match is None or any(part in ("", ".", "..") for part in reference.removeprefix("hf:").split("/")):
        raise ValueError(f"{reference!r} must be such as hf:org/repo/file.gguf")
    return f"{hub}/{match[1]}/resolve/main/{quote(match[2])}"


def check_name(name: str) -> str:
    """`name` if it can only ever be a model in our folder. Raises ValueError."""
    if not re.fullmatch(r"[\w][\w. +-]{0,200}\.gguf", name):
        raise ValueError(f"{name!r} cannot be the name of a stored model")
    return name


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


def starts_at(status: int, headers: Headers, wanted: int, n_bytes: int) -> int | None:
    """Where the body of an answer to `Range: bytes={wanted}-` begins: at `wanted`, or at 0 where the whole file comes;
    None where the answer speaks of another file."""
    if status == 200:
        length = headers.get("Content-Length")
        return 0 if length in (None, str(n_bytes)) else None
    match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", headers.get("Content-Range", ""))
    if status != 206 or match is None or int(match[1]) != wanted or match[3] not in ("*", str(n_bytes)):
        return None
    return wanted


def strong(etag: str | None) -> str | None:
    """An ETag by which ranges may be asked for (RFC 9110, 13.1.5); None for a weak one."""
    return etag if etag and etag.startswith('"') else None


def seconds_to_wait(headers: Headers, now: float) -> float | None:
    """What Retry-After asks for, within bounds; `now` in seconds since 1970."""
    from email.utils import parsedate_to_datetime

    asked = headers.get("Retry-After", "")
    try:
        seconds = float(asked) if asked.isdigit() else parsedate_to_datetime(asked).timestamp() - now
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), MOST_SECONDS)
