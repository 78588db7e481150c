"""Servers that cannot be used are told from one that can, before ggml is asked, which would end the process."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from autoglm_lite.errors import DeviceError
from autoglm_lite.native import rpc
from autoglm_lite.native.rpc import check_server


@contextmanager
def answering(answer: bytes | None) -> Iterator[str]:
    """A server that takes one connection and sends `answer` back; None: says nothing and keeps the line."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = threading.Event()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                if answer is None:
                    done.wait(10)
                else:
                    connection.recv(33, socket.MSG_WAITALL)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            done.set()
            thread.join()


def hello(major: int, minor: int) -> bytes:
    return struct.pack("<QBBBB", 28, major, minor, 0, 0) + bytes(24)


def test_a_server_of_our_version() -> None:
    with answering(hello(7, 0)) as endpoint:
        check_server(endpoint)


@pytest.mark.parametrize("answer", [hello(6, 0), hello(7, 1), b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\x01"])
def test_another_version_and_other_programs(answer: bytes) -> None:
    with answering(answer) as endpoint, pytest.raises(DeviceError, match="no RPC server of this version"):
        check_server(endpoint)


def test_a_server_that_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "SECONDS_TO_ANSWER", 0.1)
    with answering(None) as endpoint, pytest.raises(DeviceError, match="serves another program"):
        check_server(endpoint)


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = f"127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(DeviceError, match=rf"at {endpoint} \(Connection refused\)"):
        check_server(endpoint)
    with pytest.raises(DeviceError, match=r"no computer called 'no\.such\.host\.invalid'"):
        check_server("no.such.host.invalid:50052")
