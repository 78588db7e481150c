"""One connection, whose client is waited for only so long, and a server that sleeps while nobody asks.

uvicorn waits for ever for the rest of a request and for a client that does not read its answer, and wakes up ten times
a second to see whether it should end.
"""

from __future__ import annotations

import asyncio
import time
from email.utils import formatdate
from types import FrameType
from typing import cast

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0
"""For the first line and the headers of a request, from the connection or from the end of the last answer."""
BODY_SECONDS = 60.0
READ_SECONDS = 60.0
"""Without a byte of the answer taken, once the buffers are full."""
CLOSE_SECONDS = 10.0
"""For the rest of the last answer."""
USUAL_SECONDS = 1.0
"""In which a client that means it has sent its request."""


class Connection(H11Protocol):
    """Ends a connection whose client does not go on; what is computed for it ends with it."""

    most = 256
    """Connections at the same time; further ones take the place of what is longest overdue, or are refused."""

    _phase: tuple[str, int] = "", 0
    """What the client is waited for, and in which request of this connection."""
    _ending: asyncio.TimerHandle | None = None
    _n_answered = 0
    since = 0.0
    """The event loop's time at which the phase began."""

    @property
    def unfinished(self) -> bool:
        """Whether its client still has to send something."""
        return self._phase[0] in ("head", "body")

    @property
    def overdue(self) -> bool:
        """Whether it should have been sent by now."""
        return self.unfinished and self.since + USUAL_SECONDS <= self.loop.time()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._judge()
        if len(self.connections) > self.most:
            others = [other for other in cast("set[Connection]", self.connections) if other.overdue]
            min(others, key=lambda other: other.since, default=self).transport.abort()

    def data_received(self, data: bytes) -> None:
        self._tell_time()
        super().data_received(data)
        self._judge()

    def on_response_complete(self) -> None:
        self._n_answered += 1
        super().on_response_complete()
        self._judge()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._judge()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._judge()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._judge()

    def shutdown(self) -> None:
        if self.unfinished:
            self.transport.abort()
            return
        super().shutdown()
        self._judge()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._ending is not None:
            self._ending.cancel()
        self._phase = "lost", 0
        super().connection_lost(exc)

    def _should_upgrade(self) -> bool:
        """Never, and without a word in the log for each who asks."""
        return False

    def _judge(self) -> None:
        """Starts the clock anew where the client is waited for in another way than before."""
        if self._phase[0] == "lost":
            return
        name, seconds = self._waited_for()
        phase = name, self._n_answered
        if phase == self._phase:
            return
        self._phase, self.since = phase, self.loop.time()
        if self._ending is not None:
            self._ending.cancel()
        self._ending = self.loop.call_later(seconds, self.transport.abort) if seconds else None

    def _waited_for(self) -> tuple[str, float]:
        if self.transport.is_closing():
            return "close", CLOSE_SECONDS
        if self.flow.write_paused:
            return "read", READ_SECONDS
        if self.conn.their_state is h11.SEND_BODY:
            return "body", BODY_SECONDS
        if self.conn.their_state is h11.IDLE:
            return "head", HEAD_SECONDS
        return "answer", 0.0

    def _tell_time(self) -> None:
        """In the Date of answers, which the server's own clock would wake up for."""
        date = (b"date", formatdate(time.time(), usegmt=True).encode("ascii"))
        self.server_state.default_headers = [date, *self.config.encoded_headers]


class Server(uvicorn.Server):
    """Wakes up for requests and signals alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = asyncio.Event()

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        if not self.should_exit:
            await self._ended.wait()

    def end(self) -> None:
        """Has it finish what it answers and stop; from any thread, or a signal's handler."""
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._ended.set)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self.end()
