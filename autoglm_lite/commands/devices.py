"""This machine with the devices that llama.cpp finds, where there can be any."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from autoglm_lite.errors import DeviceError, LoadError, WorkerDiedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from autoglm_lite.hardware import Machine
    from autoglm_lite.hardware.devices import Device
    from autoglm_lite.planning.make import Wishes
    from autoglm_lite.worker.client import Worker


def machine_with_devices(wishes: Wishes, on_unusable: Callable[[str], object] | None = None) -> Machine:
    """As read_machine, and with its devices and those of `wishes.rpc`; a worker is started to ask for them, but not
    for a build without graphics and wishes without other computers.

    `on_unusable` gets a sentence for each that cannot be used; without it a server's is raised as DeviceError.
    """
    import asyncio

    from autoglm_lite.hardware.devices import may_have_devices
    from autoglm_lite.hardware.machine import read_machine

    machine = read_machine()
    local = may_have_devices()
    if wishes.gpu_layers == 0 or not (wishes.rpc or local):
        return machine
    return replace(machine, devices=asyncio.run(_list(wishes.rpc, local, on_unusable)))


async def _list(rpc: tuple[str, ...], local: bool, on_unusable: Callable[[str], object] | None) -> tuple[Device, ...]:
    from autoglm_lite.worker.client import Worker

    found: list[Device] = []
    async with Worker() as worker:
        for endpoint in dict.fromkeys(rpc):
            found += await _remote(worker, endpoint, on_unusable)
        if local:
            try:
                found += await worker.devices([])
            except (LoadError, WorkerDiedError) as error:
                # A driver that crashes.
                if on_unusable is not None:
                    on_unusable(f"The graphics card is not used: {error}")
    return tuple(found)


async def _remote(worker: Worker, endpoint: str, on_unusable: Callable[[str], object] | None) -> list[Device]:
    try:
        return [device for device in await worker.devices([endpoint]) if device.endpoint]
    except (DeviceError, WorkerDiedError) as error:
        if on_unusable is None:
            raise
        on_unusable(f"{error} This time it is done without.")
        return []
