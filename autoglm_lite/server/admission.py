"""How many requests, and how much of them, the service holds at once."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from autoglm_lite.errors import BusyError
from autoglm_lite.server.endpoint import Family, refused
from autoglm_lite.server.failures import failure_of

MOST_REQUESTS = 64
"""Far more than the engine lets wait: others wait for a model that is being loaded."""
MOST_BYTES = 32 * 1024 * 1024
"""Of the bodies of all requests under way; one alone may be larger."""


class Admission:
    """ASGI middleware: what is too much at once is refused with 429, so that no crowd takes the memory."""

    def __init__(self, app: ASGIApp, family_of: Callable[[str], Family], is_open: Callable[[str], bool]) -> None:
        """As of Guard; what is open is always let in."""
        self._app = app
        self._family_of = family_of
        self._is_open = is_open
        self._n_requests = 0
        self._n_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._is_open(scope["path"]):
            await self._app(scope, receive, send)
            return
        if self._n_requests >= MOST_REQUESTS:
            busy = BusyError(f"{MOST_REQUESTS} requests are under way already: ask again in a moment.")
            await refused(self._family_of(scope["path"]), failure_of(busy))(scope, receive, send)
            return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            size = len(message.get("body", b""))
            taken += size
            self._n_bytes += size
            if self._n_bytes > max(MOST_BYTES, taken):
                raise BusyError("Other large requests are under way already: ask again in a moment.")
            return message

        self._n_requests += 1
        try:
            await self._app(scope, counted, send)
        finally:
            self._n_requests -= 1
            self._n_bytes -= taken
