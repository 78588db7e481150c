"""Signs of life for systemd: given only while the event loop and every worker answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from autoglm_lite.errors import AutoglmError
from autoglm_lite.hardware.files import read_text
from autoglm_lite.service.notify import Notifier
from autoglm_lite.worker.client import Worker

SHARE = 3
"""Signs in the manager's time: two may come late."""
SECONDS_BETWEEN = 20.0
"""Where the manager asks for none."""
LOOKS = (0.02, 0.1, 0.5, 1.0)
"""Seconds between looks whether a busy worker computes; then the last of them again and again."""


async def watch(workers: Callable[[], Iterable[Worker]], notifier: Notifier, on_look: Callable[[], None]) -> None:
    """Until it is cancelled. While a worker does not prove that it lives, no sign is given. `on_look` is called each
    time."""
    seconds = notifier.watchdog_seconds
    while True:
        await asyncio.gather(*(lives(worker) for worker in workers()))
        notifier.alive()
        on_look()
        await asyncio.sleep(SECONDS_BETWEEN if seconds is None else seconds / SHARE)


async def lives(worker: Worker) -> None:
    """Returns when the worker has proved that it lives, or has ended: at rest it answers; at work it uses the
    processor, or waits for the disk, or for another computer."""
    asking = asyncio.ensure_future(_answers(worker))
    pid = worker.pid
    before = None if pid is None else _work_of(pid)
    try:
        for n in range(1 << 62):
            await asyncio.wait((asking,), timeout=LOOKS[min(n, len(LOOKS) - 1)])
            if worker.pid != pid or pid is None:
                return
            waits_for_others = worker.plan is not None and any(part.endpoint for part in worker.plan.devices)
            if asking.done() and (worker.seconds_idle is not None or waits_for_others):
                return
            now = _work_of(pid)
            if now is None or now[0] == "D" or (now[0] not in "Tt" and before is not None and now[1] != before[1]):
                return
    finally:
        asking.cancel()
        with suppress(asyncio.CancelledError):
            await asking


async def _answers(worker: Worker) -> None:
    with suppress(AutoglmError):
        await worker.ping()


def _work_of(pid: int) -> tuple[str, int] | None:
    """The state of a process (R, S, D, T and so on) and its processor time in ticks of 10 ms, all threads together; see
    proc(5). None when it has gone."""
    text = read_text(Path("/proc") / str(pid) / "stat")
    if not text:
        return None
    fields = text.rpartition(")")[2].split()
    return fields[0], int(fields[11]) + int(fields[12])
