"""What a service and systemd say to each other: sd_notify(3), sd_watchdog_enabled(3) and sd_listen_fds(3)."""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping
from contextlib import suppress

FIRST_FD = 3


class Notifier:
    """The way to the manager that has started this process; without one, what is said goes nowhere."""

    def __init__(self, address: str = "", watchdog_seconds: float | None = None) -> None:
        self._address = address
        self.watchdog_seconds = watchdog_seconds
        """Within which the manager wants a sign of life; None where it does not ask for any."""

    @classmethod
    def take(cls, environment: MutableMapping[str, str]) -> Notifier:
        """As the environment names it, from which it is removed: no child is to speak for us."""
        address = environment.pop("NOTIFY_SOCKET", "")
        microseconds, pid = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", "")
        for_us = pid in ("", str(os.getpid()))
        seconds = int(microseconds) / 1e6 if for_us and microseconds.isdecimal() and int(microseconds) else None
        return cls(address if address[:1] in ("/", "@") else "", seconds)

    def ready(self) -> None:
        self._say("READY=1")

    def status(self, sentence: str) -> None:
        """For `systemctl status`."""
        self._say("STATUS=" + " ".join(sentence.split()))

    def alive(self) -> None:
        self._say("WATCHDOG=1")

    def stopping(self) -> None:
        self._say("STOPPING=1")

    def _say(self, state: str) -> None:
        """A manager that is gone is not waited for."""
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as asking:
            asking.setblocking(False)
            # A name that begins with @ is in the abstract namespace.
            asking.sendto(state.encode(), "\0" + self._address[1:] if self._address[0] == "@" else self._address)


def take_sockets(environment: MutableMapping[str, str]) -> list[socket.socket]:
    """Those that listen and were passed to this very process; the environment forgets them."""
    pid, count = environment.pop("LISTEN_PID", ""), environment.pop("LISTEN_FDS", "")
    environment.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or not count.isdecimal():
        return []
    sockets = []
    for fd in range(FIRST_FD, FIRST_FD + int(count)):
        with suppress(OSError):
            os.set_inheritable(fd, False)
            sockets.append(socket.socket(fileno=fd))
    return [found for found in sockets if found.type == socket.SOCK_STREAM]
