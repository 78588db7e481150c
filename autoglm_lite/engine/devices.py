"""The devices that a model can be put on, and this computer as a device of others."""

from __future__ import annotations

import ctypes
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

from autoglm_lite.errors import LoadError
from autoglm_lite.hardware.devices import Device, DeviceKind
from autoglm_lite.hardware.machine import read_machine
from autoglm_lite.native import devices as native

KINDS: dict[str, DeviceKind] = {"gpu": "gpu", "igpu": "igpu", "rpc": "rpc"}

_M_MMAP_THRESHOLD = -3
"""Of mallopt in glibc's malloc.h."""
_RETURNED_BYTES = 1 << 20


def list_devices(rpc: Sequence[str]) -> tuple[Device, ...]:
    """Those of the servers `rpc` (each HOST:PORT), then this computer's. Raises DeviceError."""
    return tuple(
        Device(
            name=device.name,
            description=device.description,
            kind=KINDS[device.kind],
            memory_total=device.memory_total,
            memory_free=device.memory_free,
            endpoint=device.endpoint,
        )
        for device in native.list_devices(rpc)
    )


def serve(host: str, port: int, threads: int, on_serving: Callable[[tuple[tuple[str, int], ...]], None]) -> None:
    """Offers this computer's devices at an IPv4 address for as long as the process lives.

    `on_serving` is told what is offered: descriptions and bytes of free memory. Raises LoadError when the address
    cannot be had.
    """
    _check_address(host, port)
    _return_large_blocks()
    offered = tuple(native.served_devices(_free_memory))
    on_serving(offered)
    native.serve_devices(host, port, threads, _free_memory)
    raise LoadError(f"The RPC server at {host}:{port} could not be started: another program may have taken the port.")


def _free_memory() -> int:
    return read_machine().memory_available


def _check_address(host: str, port: int) -> None:
    """ggml says nothing of why it cannot have one."""
    try:
        with socket.socket() as probe:
            # As ggml does: a port whose last connections are still being closed can be had.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen(1)
    except OSError as error:
        raise LoadError(
            f"{host}:{port} cannot be served ({error.strerror or error}): choose another --host or --port."
        ) from error


def _return_large_blocks() -> None:
    """Has freed memory go back to the system at once: else what a tensor was received in stays with the process."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _RETURNED_BYTES)
