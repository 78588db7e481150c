"""One model in memory, and all that is needed to ask it."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from autoglm_lite.chat.exchange import Exchange
from autoglm_lite.chat.setup import model_sampling
from autoglm_lite.chat.template import ChatTemplate
from autoglm_lite.chat.tools.choose import tool_format
from autoglm_lite.generation import Sampling
from autoglm_lite.gguf.facts import ModelFacts
from autoglm_lite.hardware.process import process_memory
from autoglm_lite.planning.plan import Plan
from autoglm_lite.worker.client import Worker
from autoglm_lite.worker.loader import Loader


@dataclass(frozen=True, slots=True)
class Planned:
    """One model as it would be loaded now."""

    facts: ModelFacts
    plan: Plan
    fallbacks: tuple[Plan, ...] = ()
    notices: tuple[str, ...] = ()


Planner = Callable[[Path, int], Planned]
"""What a file would be loaded as, beside models that take so many bytes which the system counts as free (weights that
are mapped). Raises ModelFileError, UsageError, and WillNotFitError with what would fit."""


class Resident:
    """One model in a worker of its own."""

    def __init__(self, name: str, planned: Planned, worker: Worker, keep_seconds: float) -> None:
        self.name = name
        self.facts = planned.facts
        self.worker = worker
        self.loader = Loader(worker, planned.plan, planned.fallbacks)
        self.template: ChatTemplate | None = None
        if self.facts.chat_template and self.facts.use == "chat":
            self.template = ChatTemplate(
                self.facts.chat_template, bos=self.facts.bos_text, eos=self.facts.eos_text, n_ctx=planned.plan.n_ctx
            )
        self.keep_seconds = keep_seconds
        """For which it stays in memory after its last use; math.inf: for ever."""
        self.n_users = 0
        self.used = time.time()
        """When it was used last, in seconds since 1970."""
        self.unloading: asyncio.TimerHandle | None = None
        self.loading: asyncio.Task[None] | None = None
        self.watching: asyncio.Task[None] | None = None
        self.shed = False
        """Whether it was given back since memory was short: that is no death of its worker."""

    @property
    def plan(self) -> Plan:
        return self.loader.plan

    @property
    def sampling(self) -> Sampling:
        """What its makers advise."""
        return model_sampling(self.facts.sampling)

    @property
    def exchange(self) -> Exchange:
        return Exchange(self.worker, self.template, tool_format(self.facts.chat_template), self.plan.n_ctx)

    @property
    def mapped_bytes(self) -> int:
        """Of memory that the system counts as free though this model reads it again and again."""
        if self.worker.pid is None:
            return 0
        resident, anonymous = process_memory(self.worker.pid)
        return min(self.facts.file_bytes, resident - anonymous)

    @property
    def expires(self) -> float | None:
        """When it is unloaded if nothing is asked, in seconds since 1970; None: never."""
        return None if math.isinf(self.keep_seconds) else self.used + self.keep_seconds

    async def close(self) -> None:
        for task in (self.watching, self.loading):
            if task is not None:
                task.cancel()
        if self.unloading is not None:
            self.unloading.cancel()
        if self.template is not None:
            self.template.close()
        await self.worker.close()
