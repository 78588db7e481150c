"""One route: what it takes, what it gives, and how it says that something is wrong."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from autoglm_lite.errors import AutoglmError
from autoglm_lite.server.failures import Failure, RefusedError, failure_of, short
from autoglm_lite.server.service import Service

BODY_BYTES = 4 * 1024 * 1024
MOST_VALUES = 400_000
"""In one body: a list or an object takes thirty times the memory of its two letters."""
MOST_SAID = 200
"""Characters of what was wrong, which may be a value of the request itself."""
MOST_EXACT = 2**53
"""Up to here a float that is a whole number is that number."""
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Family:
    """A protocol: how its clients expect to be told of a failure."""

    name: Literal["openai", "ollama", "anthropic", "own"]
    error: Callable[[Failure], msgspec.Struct]
    """The body of the answer."""
    error_type: type[msgspec.Struct]


@dataclass(frozen=True, slots=True)
class Call:
    """One request, its body checked."""

    request: Request
    service: Service
    body: Any
    """Of the endpoint's type; None where it takes none."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    method: Literal["GET", "POST", "DELETE", "HEAD"]
    path: str
    """As Starlette has it; one that begins with /v1 is served without that as well."""
    family: Family
    summary: str
    handler: Callable[[Call], Awaitable[Response]]
    body: Any = None
    """The type that the request's JSON must fit."""
    answer: Any = None
    """The type of the JSON that is given back."""
    streamed: str | None = None
    """The media type of an answer in pieces, where there is one."""
    open: bool = False
    """Whether it needs no key: it tells nothing that is anybody's."""
    body_bytes: int = BODY_BYTES
    failures: tuple[int, ...] = (400, 401, 403, 404, 413, 429, 503)
    """Statuses that it may answer with beside 200."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Of the path, by name: their types."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Under which it is served."""
        short = self.path.removeprefix("/v1")
        return (self.path,) if short == self.path else (self.path, short)

    async def __call__(self, request: Request, service: Service) -> Response:
        try:
            body = None if self.body is None else decode(self.body, await self._read(request))
            return await self.handler(Call(request, service, body))
        except ClientDisconnect:
            return Response(status_code=499)
        except AutoglmError as error:
            return self.refuse(failure_of(error))
        except Exception:
            traceback.print_exc(file=sys.stderr)
            return self.refuse(INTERNAL)

    def refuse(self, failure: Failure) -> Response:
        return refused(self.family, failure)

    async def _read(self, request: Request) -> bytes:
        """Raises RefusedError for more than `body_bytes`."""
        length = request.headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > self.body_bytes:
            raise self._too_large()
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > self.body_bytes:
                raise self._too_large()
        return bytes(body)

    def _too_large(self) -> RefusedError:
        return RefusedError(
            Failure("too_large", f"The request is larger than {self.body_bytes / 1e6:.0f} MB: send less at a time.")
        )


INTERNAL = Failure("internal", "The service met an error of its own; its log says which (autoglm-lite service logs).")


def answered(value: msgspec.Struct, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type=JSON)


def refused(family: Family, failure: Failure) -> Response:
    return Response(
        msgspec.json.encode(family.error(failure)), failure.http_status, dict(failure.headers), media_type=JSON
    )


def decode(kind: Any, body: bytes) -> Any:
    """Raises RefusedError with the place in the JSON that is wrong."""
    if sum(map(body.count, (b",", b"[", b"{"))) > MOST_VALUES:
        sentence = f"The request has more than {MOST_VALUES:,} values: send less at a time."
        raise RefusedError(Failure("too_large", sentence))
    try:
        try:
            return _decoder(kind).decode(body)
        except msgspec.ValidationError as error:
            if "got `float`" not in str(error):
                raise
            # To JSON Schema 1.0 is an integer, and some programs write all their numbers so.
            return msgspec.convert(msgspec.json.Decoder(float_hook=_number).decode(body), kind)
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$")
        place = place.rstrip("`").lstrip(".")[:MOST_SAID]
        what = what if len(what) <= MOST_SAID else f"{what[:MOST_SAID]}…"
        raise _invalid(f"{place or 'The request'}: {what[0].lower()}{what[1:]}.", place or None) from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise _invalid(f"The request is no JSON ({error}).") from error


def _number(text: str) -> float:
    found = float(text)
    return int(found) if found.is_integer() and abs(found) <= MOST_EXACT else found


def _invalid(sentence: str, param: str | None = None) -> RefusedError:
    return RefusedError(Failure("invalid", short(sentence), param=param))


@lru_cache(maxsize=64)
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)
