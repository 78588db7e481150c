"""Connections to RPC servers of llama.cpp: whether one can be used, asked before ggml is, which aborts the process
where one cannot; and an end to waiting for one that is gone."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from autoglm_lite.errors import DeviceError

HELLO = 14
"""RPC_CMD_HELLO of ggml-rpc.cpp; likewise the two sizes and the version, in llama-cpp-python 0.3.36."""
CAPABILITIES = 24
VERSION = (7, 0)
SECONDS_TO_ANSWER = 5.0
"""A server that serves another takes the connection and answers nobody until that one has gone."""


SECONDS_OF_SILENCE = 20
"""After which a computer that was switched off, or whose cable was pulled, counts as gone."""
PROBES = 3


def check_server(endpoint: str) -> None:
    """Connects to HOST:PORT, greets the server as ggml does, and hangs up. Raises DeviceError."""
    host, _, port = endpoint.rpartition(":")
    try:
        address = (socket.gethostbyname(host), int(port))
    except (OSError, ValueError) as error:
        raise DeviceError(f"There is no computer called {host!r}: check --rpc {endpoint}.") from error
    try:
        with socket.create_connection(address, SECONDS_TO_ANSWER) as connection:
            answer = _greet(connection)
    except TimeoutError as error:
        raise DeviceError(
            f"{endpoint} does not answer: its RPC server serves another program, or the network between does not work."
        ) from error
    except OSError as error:
        raise DeviceError(
            f"No RPC server can be reached at {endpoint} ({error.strerror or error}):"
            " run autoglm-lite rpc-server there, or leave --rpc out."
        ) from error
    major, minor = answer[8], answer[9]
    if struct.unpack("<Q", answer[:8]) != (4 + CAPABILITIES,) or major != VERSION[0] or minor > VERSION[1]:
        raise DeviceError(
            f"{endpoint} is no RPC server of this version: install the same autoglm-lite on both computers."
        )


def _greet(connection: socket.socket) -> bytes:
    """The 12 first bytes of the answer: its length, and the version; zeros for what is missing."""
    connection.settimeout(SECONDS_TO_ANSWER)
    connection.sendall(struct.pack("<BQ", HELLO, CAPABILITIES) + bytes(CAPABILITIES))
    answer = b""
    while len(answer) < 8 + 4 + CAPABILITIES:
        received = connection.recv(8 + 4 + CAPABILITIES - len(answer))
        if not received:
            break
        answer += received
    return answer[:12].ljust(12, b"\0")


def notice_silence(endpoints: Collection[str]) -> None:
    """Has this process's connections to servers break when the other side is silent: ggml would wait for ever."""
    peers = set()
    for endpoint in endpoints:
        host, _, port = endpoint.rpartition(":")
        with suppress(OSError):
            peers.add((socket.gethostbyname(host), int(port)))
    for number in _sockets():
        with suppress(OSError), socket.socket(fileno=os.dup(number)) as connection:
            if connection.family == socket.AF_INET and connection.getpeername() in peers:
                _set_timeouts(connection)


def _sockets() -> list[int]:
    """Descriptors of this process, on Linux; none elsewhere."""
    found = []
    for entry in Path("/proc/self/fd").glob("*"):
        with suppress(OSError):
            if entry.readlink().name.startswith("socket:"):
                found.append(int(entry.name))
    return found


def _set_timeouts(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    step = SECONDS_OF_SILENCE // (PROBES + 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, step)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, step)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, PROBES)
    # The same where something was sent and is not acknowledged.
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * SECONDS_OF_SILENCE)
