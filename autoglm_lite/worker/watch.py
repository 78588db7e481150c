"""Watches a loaded model from outside, so that it lives well with the other programs of the machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autoglm_lite.errors import AutoglmError
from autoglm_lite.hardware.power import Power, read_power
from autoglm_lite.hardware.pressure import Pressure, read_pressure
from autoglm_lite.hardware.process import process_memory
from autoglm_lite.planning.effort import Cause, Climate, Effort, effort_of, follow
from autoglm_lite.planning.idling import DISK_BYTES, give_back
from autoglm_lite.planning.plan import Plan
from autoglm_lite.planning.shedding import Course, Held, Part, decide
from autoglm_lite.worker.client import Worker

SECONDS_BETWEEN = 2.0
"""Looks: soon enough for a program that takes memory as fast as it is read from disk."""
SECONDS_ON_BATTERY = 10.0
SECONDS_BETWEEN_POWER = 10.0
"""A battery's driver may take milliseconds to answer."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What the watch has done, for the user to be told."""

    did: Part | Cause | Literal["full"]
    """Freed the context or the model; computes less on battery, or since the processor is hot; or as planned again."""
    freed: int = 0
    """Bytes."""
    idle: bool = False
    """Whether that was for long rest and not for lack of memory."""


class Watch:
    """Over one worker. Does what planning decides and tells it; costs nothing while no model is loaded."""

    def __init__(
        self,
        worker: Worker,
        tell: Callable[[Notice], Awaitable[None]],
        root: Path = Path("/"),
        unload_after: float | None = None,
    ) -> None:
        """Reads /proc and /sys under `root`. `unload_after`: seconds for which nothing is asked; None leaves it to
        planning.idling, math.inf never unloads for rest alone."""
        self._worker = worker
        self._tell = tell
        self._root = root
        self._unload_after = unload_after

    async def run(self) -> None:
        """Until it is cancelled; belongs to the loop of the worker."""
        while True:
            await self._worker.until_loaded()
            await _Shift(self._worker, self._tell, self._root, self._unload_after).run()


class _Shift:
    """The time for which one model is loaded."""

    def __init__(
        self, worker: Worker, tell: Callable[[Notice], Awaitable[None]], root: Path, unload_after: float | None
    ) -> None:
        self._worker = worker
        self._tell = tell
        self._root = root
        self._unload_after = unload_after
        self._load_seconds = _bytes_of(worker.plan) / DISK_BYTES
        self._model = worker.loaded
        self._course = Course()
        self._pressure: Pressure | None = None
        self._pressure_at = time.monotonic()
        self._power: Power | None = None
        self._power_at = 0.0
        self._climate = Climate()
        self._effort: Effort | None = None
        """The one that was last asked for; None leaves it as planned."""

    async def run(self) -> None:
        while self._worker.loaded is not None and self._worker.loaded is self._model:
            await self._look_at_power()
            await self._look_at_memory()
            on_battery = self._power is not None and self._power.on_mains is False
            await asyncio.sleep(SECONDS_ON_BATTERY if on_battery else SECONDS_BETWEEN)

    async def _look_at_memory(self) -> None:
        now = await asyncio.to_thread(read_pressure, self._root)
        at, before = time.monotonic(), self._pressure
        seconds, self._pressure, self._pressure_at = at - self._pressure_at, now, at
        worker = self._worker
        if worker.pid is None:
            return
        anonymous = process_memory(worker.pid)[1]
        context = min(worker.context_bytes, anonymous)
        held = Held(context, anonymous - context, worker.seconds_idle)
        self._course, step = decide(self._course, before, now, seconds, held)
        idle = step == "nothing"
        if idle:
            step = give_back(now, held, self._load_seconds, self._unload_after)
        if step == "nothing":
            return
        try:
            freed = await (worker.shed_context() if step == "context" else worker.shed_model())
        except AutoglmError:
            # It died meanwhile: whoever asks it next is told why.
            return
        if freed:
            await self._tell(Notice(step, freed, idle))

    async def _look_at_power(self) -> None:
        at, before = time.monotonic(), self._power
        if before is not None and at - self._power_at < SECONDS_BETWEEN_POWER:
            return
        now = await asyncio.to_thread(read_power, self._root)
        self._climate = follow(self._climate, before, now, at - self._power_at)
        self._power, self._power_at = now, at
        plan = self._worker.plan
        if plan is not None and plan.saving is not None:
            await self._set_effort(plan, now)

    async def _set_effort(self, plan: Plan, now: Power) -> None:
        effort, cause = effort_of(plan, self._climate, now)
        if effort == self._effort or (self._effort is None and cause is None):
            return
        self._effort = effort
        self._worker.set_effort(effort.threads, effort.nice)
        await self._tell(Notice(cause or "full"))


def _bytes_of(plan: Plan | None) -> int:
    """Of the model's file, 0 where it is gone."""
    try:
        return 0 if plan is None else Path(plan.model_path).stat().st_size
    except OSError:
        return 0
