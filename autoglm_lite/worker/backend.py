"""A model in a worker of this program, as the faces hold it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from pathlib import Path

from autoglm_lite.chat.backend import Place
from autoglm_lite.generation import Event, GenerateRequest
from autoglm_lite.planning.plan import Plan
from autoglm_lite.worker.client import Worker
from autoglm_lite.worker.loader import Loader
from autoglm_lite.worker.watch import Notice, Watch


class LocalBackend:
    def __init__(self, plan: Plan, fallbacks: Sequence[Plan] = (), states: Path | None = None) -> None:
        """`fallbacks` as of Loader, `states` as of Worker."""
        self.worker = Worker(states=states)
        self._loader = Loader(self.worker, plan, fallbacks)

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
