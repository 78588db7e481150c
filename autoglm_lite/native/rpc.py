"""Whether an RPC server of llama.cpp can be used, asked before ggml is: it aborts the process where one cannot."""

from __future__ import annotations

import socket
import struct

from autoglm_lite.errors import DeviceError

HELLO = 14
"""RPC_CMD_HELLO of ggml-rpc.cpp; likewise the two sizes and the version, in llama-cpp-python 0.3.36."""
CAPABILITIES = 24
VERSION = (7, 0)
SECONDS_TO_ANSWER = 5.0
"""A server that serves another takes the connection and answers nobody until that one has gone."""


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
