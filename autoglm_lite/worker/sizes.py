"""What llama.cpp says of a plan before it is loaded, asked in a worker of its own."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from autoglm_lite.errors import LoadError, WorkerDiedError
from autoglm_lite.planning.memory import Sizes
from autoglm_lite.planning.plan import Plan
from autoglm_lite.worker.client import Worker


def exact_sizes(plan: Plan) -> Sizes | None:
    """The sizes of `plan`, in half a second here; None where llama.cpp cannot say. Not for use in an event loop."""

    async def ask() -> Sizes | None:
        # Not among the logs that are kept for the next crash.
        async with Worker(Path(os.devnull)) as worker:
            return await worker.sizes(plan)

    try:
        return asyncio.run(ask())
    except (LoadError, WorkerDiedError):
        # What is wrong is said where the model is to be loaded.
        return None
