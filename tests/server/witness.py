"""What the service's threads open and connect to, as Python's audit events tell it."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

CONNECTS = frozenset(
    {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request", "http.client.connect"}
)
OPENS = frozenset({"open", "os.listdir", "os.scandir", "subprocess.Popen", "os.rename", "os.remove", "os.mkdir"})
FIGURES = re.compile(r"/sys/|/proc/(?!self/environ)")
"""The kernel's, which whoever watches over a loaded model reads; other tests' services have some."""


class Witness:
    """Its hook stays for as long as the process lives, so there is one."""

    def __init__(self) -> None:
        self._events: frozenset[str] = frozenset()
        self._seen: list[tuple[str, object]] = []
        sys.addaudithook(self._hook)

    @contextmanager
    def of(self, events: frozenset[str]) -> Iterator[list[tuple[str, object]]]:
        """What all threads but the test's own do meanwhile: each event with its path or address."""
        self._events, self._seen = events, []
        try:
            yield self._seen
        finally:
            self._events = frozenset()

    def _hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if event in self._events and threading.current_thread() is not threading.main_thread():
            what = arguments[1] if event == "socket.connect" else arguments[0]
            if not FIGURES.match(str(what)):
                self._seen.append((event, what))
