"""The first token of a prompt whose beginning was read by a process that is no more: it comes from the disk."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from autoglm_lite.bench.answer import Answer
from autoglm_lite.bench.asking import ask, drawn
from autoglm_lite.bench.countdown import Countdown
from autoglm_lite.bench.schedule import reopened_seconds
from autoglm_lite.bench.speed import Measured, Show
from autoglm_lite.planning.plan import Plan
from autoglm_lite.states.folder import kept_states
from autoglm_lite.worker.client import Worker

NOT_KEPT = "not kept: reading it again takes too little time for a file, or the disk has no room"
NOT_USED = "kept, but not used for another last message: this model cannot, or reading it again was quicker"


@dataclass(frozen=True, slots=True)
class Reopened:
    answers: tuple[Answer, ...]
    why: str = ""
    """There are no answers."""


async def reopened(worker: Worker, folder: Path, plan: Plan, measured: Measured, show: Show) -> Reopened:
    """`worker` keeps its states in `folder`, where nothing else is. Loading is not counted.

    Raises LoadError, WorkerDiedError.
    """
    prompt, texts, countdown = measured.prompt, measured.lengths, Countdown()
    countdown.begin(reopened_seconds(texts, measured.cost), 0.0)

    def beat() -> None:
        show("the same after a restart, from the disk", countdown.left)

    await worker.load(plan, lambda _: beat())
    await ask(worker, prompt.opening + prompt.messages[0], 1, drawn(0), beat)
    # It keeps what was read, however long that takes; a process that ends is given some seconds.
    await worker.shed_context()
    await worker.close()
    if not kept_states(folder):
        return Reopened((), NOT_KEPT)
    answers = []
    for message in prompt.messages[1:]:
        drop_from_memory(folder)
        await worker.load(plan, lambda _: beat())
        answer = await ask(worker, prompt.opening + message, 2, drawn(0), beat)
        await worker.close()
        if answer.prompt_tokens - answer.cached_tokens > 2 * texts.message:
            return Reopened((), NOT_USED)
        answers.append(answer)
    return Reopened(tuple(answers))


def drop_from_memory(folder: Path) -> None:
    """So that the files in it come from the disk the next time, where the system can be told."""
    for path, _ in kept_states(folder):
        with suppress(OSError, AttributeError):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)
