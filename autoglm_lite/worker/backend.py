"""A model in a worker of this program, as the faces hold it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from pathlib import Path

from autoglm_lite.chat.backend import Footprint, OnDevice, Place
from autoglm_lite.generation import Event, GenerateRequest
from autoglm_lite.planning.plan import Plan
from autoglm_lite.worker.client import Worker
from autoglm_lite.worker.loader import Loader
from autoglm_lite.worker.watch import Notice, Watch


class LocalBackend:
    def __init__(
        self,
        plan: Plan,
        fallbacks: Sequence[Plan] = (),
        states: Path | None = None,
        foresee: Callable[[Plan, bool], Footprint] | None = None,
    ) -> None:
        """`fallbacks` as of Loader, `states` as of Worker; `foresee` as of `footprint`, in a thread."""
        self.worker = Worker(states=states)
        self._loader = Loader(self.worker, plan, fallbacks)
        self._foresee = foresee or _as_planned
        self._foreseen: dict[tuple[Plan, bool], Footprint] = {}

    @property
    def plan(self) -> Plan:
        """What was loaded, or will be tried next."""
        return self._loader.plan

    @property
    def place(self) -> Place:
        return "shared" if any(part.endpoint for part in self.plan.devices) else "here"

    @property
    def n_ctx(self) -> int:
        return self.plan.n_ctx

    @property
    def loaded(self) -> bool:
        return self.worker.loaded is not None

    @property
    def pid(self) -> int | None:
        return self.worker.pid

    async def footprint(self, *, idle: bool) -> Footprint:
        plan = self.plan
        found = self._foreseen.get((plan, True)) or self._foreseen.get((plan, idle))
        if found is None:
            found = self._foreseen[plan, idle] = await asyncio.to_thread(self._foresee, plan, idle)
        return found

    async def load(self, on_progress: Callable[[float], None], on_notice: Callable[[str], None]) -> None:
        await self._loader.load(on_progress, on_notice)

    async def watch(self, tell: Callable[[Notice], Awaitable[None]]) -> None:
        await Watch(self.worker, tell).run()

    def generate(self, request: GenerateRequest, /) -> AsyncGenerator[Event, None]:
        return self.worker.generate(request)

    async def tokenize(self, text: str, /, *, templated: bool) -> list[int]:
        return await self.worker.tokenize(text, templated=templated)

    async def cancel(self, request: GenerateRequest, /) -> None:
        await self.worker.cancel(request)

    async def unload(self) -> int:
        return await self.worker.shed_model()

    async def close(self) -> None:
        await self.worker.close()


def _as_planned(plan: Plan, _idle: bool) -> Footprint:
    """Without knowing the model."""
    devices = tuple(OnDevice(part.name, part.layers, None, None) for part in plan.devices)
    return Footprint(threads=plan.threads, cpus=plan.cpus, devices=devices)
