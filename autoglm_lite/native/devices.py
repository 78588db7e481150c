"""llama.cpp's own list of devices: graphics cards, and other computers that offer theirs over RPC."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from autoglm_lite.errors import DeviceError
from autoglm_lite.native.bindings import bindings
from autoglm_lite.native.rpc import check_server

GPU, INTEGRATED_GPU = 1, 2
"""Of enum ggml_backend_dev_type."""
KINDS = {GPU: "gpu", INTEGRATED_GPU: "igpu"}

MemoryFunction = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(ctypes.c_size_t)
)
_MEMORY_FUNCTION = 2 * ctypes.sizeof(ctypes.c_void_p)
"""Where struct ggml_backend_device keeps `get_memory` (ggml-backend-impl.h), in llama-cpp-python 0.3.36."""


@dataclass(frozen=True, slots=True)
class NativeDevice:
    handle: int
    """A `ggml_backend_dev_t`."""
    name: str
    """llama.cpp's, such as CUDA0; of another computer its HOST:PORT, with /1, /2... for its further devices."""
    description: str
    kind: str
    """gpu, igpu or rpc."""
    memory_total: int
    memory_free: int
    endpoint: str | None
    """HOST:PORT of the computer that has it; None for this one."""


def list_devices(rpc: Sequence[str]) -> list[NativeDevice]:
    """Those of the servers `rpc` (each HOST:PORT), then this computer's; the processor is none.

    Raises DeviceError for a server that cannot be used: ggml would abort the process.
    """
    return [*(device for endpoint in rpc for device in _remote(endpoint)), *_local()]


def find_devices(wanted: Sequence[tuple[str, str | None]]) -> list[int]:
    """The handles of devices by name and endpoint. Raises DeviceError for one that is not there."""
    endpoints = list(dict.fromkeys(endpoint for _, endpoint in wanted if endpoint is not None))
    handles = {(device.name, device.endpoint): device.handle for device in list_devices(endpoints)}
    missing = [name for name, endpoint in wanted if (name, endpoint) not in handles]
    if missing:
        raise DeviceError(f"The device {missing[0]} is not there any more.")
    return [handles[key] for key in wanted]


def serve_devices(host: str, port: int, threads: int, free_memory: Callable[[], int]) -> None:
    """Lets other computers compute here: on the graphics cards, else on the processor, with `threads`.

    `free_memory` says what the processor may take; ggml would offer all that is installed. Does not return unless the
    address cannot be had. `host` is an IPv4 address.
    """
    ggml = functions()
    devices = [handle for handle in _handles() if ggml.ggml_backend_dev_type(handle) in KINDS]
    if not devices:
        processor = ggml.ggml_backend_dev_by_type(0)
        devices = [processor]
        _say_free(processor, free_memory)
    array = (ctypes.c_void_p * len(devices))(*devices)
    _, start_server = _rpc_functions()
    start_server(f"{host}:{port}".encode(), None, threads, len(devices), array)


def served_devices(free_memory: Callable[[], int]) -> list[tuple[str, int]]:
    """What `serve_devices` offers: descriptions and bytes of free memory."""
    cards = [device for device in _local() if device.kind in KINDS.values()]
    if cards:
        return [(device.description, device.memory_free) for device in cards]
    ggml = functions()
    processor = ggml.ggml_backend_dev_by_type(0)
    return [(ggml.ggml_backend_dev_description(processor).decode("utf-8", "replace"), free_memory())]


def _remote(endpoint: str) -> list[NativeDevice]:
    add_server, _ = _rpc_functions()
    check_server(endpoint)
    ggml, registered = functions(), add_server(endpoint.encode())
    n_devices = ggml.ggml_backend_reg_dev_count(registered) if registered else 0
    found = []
    for i in range(n_devices):
        handle = ggml.ggml_backend_reg_dev_get(registered, i)
        found.append(_described(handle, "rpc", f"{endpoint}/{i}" if i else endpoint, endpoint))
    return found


def _local() -> list[NativeDevice]:
    ggml = functions()
    found = []
    for handle in _handles():
        kind = KINDS.get(ggml.ggml_backend_dev_type(handle))
        if kind is not None:
            name = ggml.ggml_backend_dev_name(handle).decode("utf-8", "replace")
            found.append(_described(handle, kind, name, None))
    return found


def _handles() -> list[int]:
    ggml = functions()
    return [ggml.ggml_backend_dev_get(i) for i in range(ggml.ggml_backend_dev_count())]


def _described(handle: int, kind: str, name: str, endpoint: str | None) -> NativeDevice:
    ggml = functions()
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    ggml.ggml_backend_dev_memory(handle, ctypes.byref(free), ctypes.byref(total))
    description = ggml.ggml_backend_dev_description(handle).decode("utf-8", "replace")
    return NativeDevice(handle, name, description, kind, total.value, free.value, endpoint)


_kept: list[Any] = []
"""Functions that ggml may call for as long as the process lives."""


def _say_free(device: int, free_memory: Callable[[], int]) -> None:
    """Replaces the device's `get_memory`: the processor's calls all of the memory free (ggml-cpu.cpp)."""
    place = ctypes.c_void_p.from_address(device + _MEMORY_FUNCTION)
    original = MemoryFunction(place.value or 0)

    def get_memory(handle: int, free: Any, total: Any) -> None:
        original(handle, free, total)
        free[0] = min(free[0], free_memory())

    replacement = MemoryFunction(get_memory)
    _kept.append(replacement)
    place.value = ctypes.cast(replacement, ctypes.c_void_p).value


@cache
def functions() -> Any:
    """ggml's functions of devices, which llama-cpp-python does not bind, through the library that is linked to it."""
    library = bindings()._lib
    pointer, text, size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t
    for name, result, arguments in (
        ("ggml_backend_dev_count", size, []),
        ("ggml_backend_dev_get", pointer, [size]),
        ("ggml_backend_dev_by_type", pointer, [ctypes.c_int]),
        ("ggml_backend_dev_name", text, [pointer]),
        ("ggml_backend_dev_description", text, [pointer]),
        ("ggml_backend_dev_type", ctypes.c_int, [pointer]),
        ("ggml_backend_dev_memory", None, [pointer, ctypes.POINTER(size), ctypes.POINTER(size)]),
        ("ggml_backend_reg_dev_count", size, [pointer]),
        ("ggml_backend_reg_dev_get", pointer, [pointer, size]),
        ("ggml_backend_cpu_buffer_type", pointer, []),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _rpc_functions() -> tuple[Any, Any]:
    """`ggml_backend_rpc_add_server` and `ggml_backend_rpc_start_server`; DeviceError in a build without them."""
    library = bindings()._lib
    pointer, text, size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t
    try:
        add, start = library.ggml_backend_rpc_add_server, library.ggml_backend_rpc_start_server
    except AttributeError as error:
        raise DeviceError(
            "llama.cpp was built without RPC, which joins two computers: run ./install.sh again."
        ) from error
    add.restype, add.argtypes = pointer, [text]
    start.restype, start.argtypes = None, [text, text, size, size, ctypes.POINTER(pointer)]
    return add, start
