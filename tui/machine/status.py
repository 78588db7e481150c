"""The status line: what the model is doing and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from rich.cells import cell_len, set_cell_size
from textual import events
from textual.widgets import Static

from autoglm_lite.generation import Finished, Prefill
from autoglm_lite.worker.pace import Pace
from tui.words.machine import Words

GAP = "  ·  "


@dataclass(frozen=True, slots=True)
class Memory:
    """In bytes."""

    worker: int
    ours: int
    available: int


@dataclass(frozen=True, slots=True)
class Status:
    model: str
    n_ctx: int | None
    """Tokens; None while it is unknown."""
    activity: str = ""
    """In words; empty when there is none."""
    speed: float | None = None
    """Tokens per second, of the answer being written or else the last one."""
    memory: Memory | None = None
    used: int | None = None
    """Tokens of the context; None while unknown."""
    busy: bool = False
    """From a question to the end of its answer."""
    reading: Prefill | None = None
    """How far the prompt is read, of the answer being written or else the last one."""
    finished: Finished | None = None
    """How the last answer ended; None from the next question on."""


def status_line(status: Status, width: int, words: Words) -> str:
    """The most that fits into `width` cells: details go first, the model's name last."""
    doing = status.activity
    speed = "" if status.speed is None else words.speed.format(speed=f"{status.speed:.1f}")
    memory, memory_short = _memory(status, words)
    context, context_short = _context(status, words)
    choices = (
        ((status.model, doing, speed), (memory, context)),
        ((status.model, doing, speed), (memory_short, context)),
        ((status.model, doing, speed), (memory_short, context_short)),
        ((doing, speed), (memory_short, context_short)),
        ((doing or speed or status.model,), (memory_short, context_short)),
        ((doing or speed or status.model,), (context_short,)),
        ((doing or speed or status.model,), ()),
    )
    for left, right in choices:
        begin, end = (GAP.join(part for part in parts if part) for parts in (left, right))
        free = width - cell_len(begin) - cell_len(end)
        if free >= (2 if begin and end else 0):
            return begin + " " * free + end
    return set_cell_size(doing or speed or status.model, width)


def size(n_bytes: int) -> str:
    """Bytes in three figures, in powers of 1000 as disks and memory are sold."""
    if n_bytes < 999_500_000:
        return f"{n_bytes / 1e6:.0f} MB"
    return f"{n_bytes / 1e9:.1f} GB"


def loading_line(pace: Pace, words: Words) -> str:
    percent = round(100 * pace.share)
    # A second is over before it is read.
    if pace.seconds_left is None or pace.seconds_left < 1:
        return words.loading.format(percent=percent)
    return words.loading_on.format(percent=percent, seconds=round(pace.seconds_left))


def reading_line(prefill: Prefill, words: Words) -> str:
    if prefill.done == prefill.total:
        return words.writing
    counts = {"done": prefill.done, "total": prefill.total}
    if prefill.seconds_left is None or prefill.seconds_left < 1:
        return words.reading.format(**counts)
    return words.reading_on.format(**counts, seconds=round(prefill.seconds_left))


def _memory(status: Status, words: Words) -> tuple[str, str]:
    if (memory := status.memory) is None:
        return "", ""
    return (
        words.memory.format(worker=size(memory.worker), ours=size(memory.ours), available=size(memory.available)),
        words.memory_short.format(both=size(memory.worker + memory.ours)),
    )


def _context(status: Status, words: Words) -> tuple[str, str]:
    if status.n_ctx is None:
        return "", ""
    if status.used is None:
        return words.context_unknown.format(n_ctx=status.n_ctx), words.context_short.format(percent=0)
    percent = round(100 * status.used / max(status.n_ctx, 1))
    return words.context.format(used=status.used, n_ctx=status.n_ctx), words.context_short.format(percent=percent)


class StatusLine(Static):
    """Keeps what the panel shows as well; while that is unfolded it is not on the screen itself."""

    def __init__(self, status: Status, words: Words) -> None:
        super().__init__("", markup=False)
        self.status = status
        self._words = words
        self._shown = ""
        self.on_change: Callable[[], object] | None = None
        """Called after each change."""

    def change(self, **changes: object) -> None:
        """Replaces fields of the Status; draws only when something else is to be seen then."""
        self.status = replace(self.status, **changes)  # type: ignore[arg-type]
        if self.on_change is not None:
            self.on_change()
        if self.display:
            self._draw()

    def on_resize(self, event: events.Resize) -> None:
        self._draw()

    def _draw(self) -> None:
        width = self.content_size.width
        line = status_line(self.status, width, self._words) if width else ""
        if line != self._shown:
            self._shown = line
            self.update(line, layout=False)
