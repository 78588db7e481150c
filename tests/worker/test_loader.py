"""What is tried when a device refuses or is gone, and what is said of it; the worker is a list of outcomes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from autoglm_lite.errors import AutoglmError, DeviceError, LoadError, NoRoomError, WorkerDiedError
from autoglm_lite.generation import LoadedModel
from autoglm_lite.planning.plan import DevicePart, Plan
from autoglm_lite.worker.client import Worker
from autoglm_lite.worker.loader import Loader

ALONE = Plan("m.gguf", 512, 1, 1)


def on_device(n_layers: int) -> Plan:
    return Plan("m.gguf", 512, 1, 1, gpu_layers=n_layers, devices=(DevicePart("h:1", "h:1", n_layers),))


class Scripted:
    """Each load has the next outcome; none left is success."""

    def __init__(self, *outcomes: AutoglmError) -> None:
        self.outcomes = list(outcomes)
        self.tried: list[int] = []
        self.lost_device = False

    async def load(self, plan: Plan, on_progress: Callable[[float], None]) -> LoadedModel:
        self.tried.append(plan.gpu_layers)
        if self.outcomes:
            raise self.outcomes.pop(0)
        return LoadedModel("", 1, plan.n_ctx, 512, 1)


def loading(worker: Scripted, *plans: Plan) -> tuple[Loader, Callable[[], list[str]]]:
    """A loader, and what loads a model by it and returns the notices."""
    loader = Loader(cast(Worker, worker), plans[0], plans[1:])

    def load() -> list[str]:
        notices: list[str] = []
        asyncio.run(loader.load(lambda share: None, notices.append))
        return notices

    return loader, load


@pytest.mark.parametrize("error", [LoadError("no"), WorkerDiedError("killed")])
def test_fewer_layers_then_none(error: AutoglmError) -> None:
    worker = Scripted(error, error)
    loader, load = loading(worker, on_device(8), on_device(4), ALONE)
    first, second = load()
    assert first.endswith("cannot take the 8 layers that were planned for it: 4 are tried.")
    assert second.endswith("cannot take the 4 layers that were planned for it: this computer computes alone.")
    assert (worker.tried, loader.plan) == ([8, 4, 0], ALONE)


def test_a_device_that_is_gone_is_done_without() -> None:
    worker = Scripted(DeviceError("h:1 does not answer."))
    loader, load = loading(worker, on_device(8), on_device(4), ALONE)
    assert load() == ["h:1 does not answer. This time this computer computes alone."]
    assert (worker.tried, loader.plan) == ([8, 0], ALONE)


def test_where_this_computer_cannot_do_it_alone_the_same_is_tried_again() -> None:
    worker = Scripted(DeviceError("h:1 does not answer."))
    loader, load = loading(worker, on_device(8), on_device(4))
    with pytest.raises(DeviceError):
        load()
    assert (worker.tried, loader.plan) == ([8], on_device(8))
    worker.lost_device = True
    assert load() == []
    assert worker.tried == [8, 8]


def test_lack_of_memory_here_is_no_refusal_by_a_device() -> None:
    worker = Scripted(NoRoomError("There is too little memory now."))
    loader, load = loading(worker, on_device(8), ALONE)
    with pytest.raises(NoRoomError):
        load()
    assert (worker.tried, loader.plan) == ([8], on_device(8))


def test_a_device_that_died_is_not_used_again() -> None:
    worker = Scripted()
    worker.lost_device = True
    loader, load = loading(worker, on_device(8), ALONE)
    assert load() == ["h:1 is not used any more: this computer computes alone."]
    assert (worker.tried, loader.plan) == ([0], ALONE)
