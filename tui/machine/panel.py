"""The machine beside the conversation: folded to the status line, or unfolded with all its figures."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual import events
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from autoglm_lite.chat.backend import Backend, Footprint
from tui.desk import Desk
from tui.machine.folding import WIDE, is_folded, remember
from tui.machine.look import Look, Looker
from tui.machine.status import Memory, StatusLine
from tui.words import Words

if TYPE_CHECKING:
    from tui.machine.bars import Line

SECONDS_AT_WORK = 1.0
"""Between two looks, while an answer is written or the model is loaded."""
SECONDS_AT_REST = 2.0
SECONDS_SAVING = 5.0
"""On battery, or where little power is to be used."""
SECONDS_BETWEEN_FRAMES = 0.4
"""At least, while the figures of an answer change."""
N_SPEEDS = 120
HEIGHT_ABOVE = 8
"""Lines above the box; less on a screen of fewer than 24."""
KINDS = (
    *("title", "muted", "warning", "speed", "context", "pinned", "busy"),
    *("mapped", "repacked", "kv", "compute", "process", "own", "app", "others"),
)


class MachinePanel(Widget, can_focus=False):
    """Looks at the machine by itself, and draws only lines that have changed."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"machine--{kind}" for kind in KINDS}

    def __init__(
        self, desk: Desk, status: StatusLine, words: Words, *, plain: bool = False, low_power: bool = False
    ) -> None:
        """`plain`: for terminals without block characters."""
        super().__init__()
        self._desk = desk
        self._line = status
        self._words = words
        self._plain = plain
        self._low_power = low_power
        self._looker = Looker()
        self._looking = asyncio.Lock()
        self._found: Look | None = None
        self._unknown = False
        """Whether a model is in memory without it being known in which process."""
        self._footprint = Footprint()
        self._speeds: deque[float] = deque(maxlen=N_SPEEDS)
        self._footprint_of: Backend | None = None
        self._learning = False
        self._shown_lines: list[Line] = []
        self._drawn_at = 0.0
        self._drawing_soon = False
        self._across = 0
        """Cells of the terminal from left to right; 0 until they are known."""
        self.display = False

    @property
    def is_folded(self) -> bool:
        return not self.display

    @property
    def shown_text(self) -> str:
        """Its lines as they were last drawn."""
        return "\n".join("".join(text for text, _ in line).rstrip() for line in self._shown_lines)

    def on_mount(self) -> None:
        self._line.on_change = self._status_changed
        self.run_worker(self._watch())

    def on_resize(self, event: events.Resize) -> None:
        self._draw()

    def settle(self, width: int) -> None:
        """Takes its place on a terminal of `width` cells, as it was left on one like that."""
        if not self._across or (width >= WIDE) != (self._across >= WIDE):
            self._unfold(not is_folded(width))
            self.look_soon()
        self._across = width
        self.set_class(width >= WIDE, "beside")

    def toggle(self) -> None:
        """Folds or unfolds it, which is remembered."""
        self._unfold(self.is_folded)
        remember(self._across, folded=self.is_folded)
        self.look_soon()

    def look_soon(self) -> None:
        """Has the machine looked at, and returns at once."""
        if self.is_mounted:
            self.run_worker(self.look())

    async def look(self) -> None:
        """At the machine, now; shows what is found."""
        async with self._looking:
            opened, pid = self._desk.opened, self._desk.pid
            looker = self._looker.glance if self.is_folded else self._looker.look
            found = await asyncio.to_thread(looker, pid)
            # Of a service's model it may not be known which process has it.
            unknown = pid is None and opened is not None and opened.model.place == "service"
            self._found, self._unknown = found, unknown and self._desk.loaded
            status = self._line.status
            if status.busy and status.speed is not None and status.finished is None:
                self._speeds.append(status.speed)
            memory = None if unknown else memory_of(found)
            if not self._desk.loaded and self._desk.load_ended:
                self._line.change(memory=memory, activity=self._words.machine.not_loaded)
            else:
                self._line.change(memory=memory)
        self._draw()
        if not self.is_folded and self._desk.loaded and opened is not None:
            await self._learn(opened.model, idle=not status.busy)

    def render_line(self, y: int) -> Strip:
        width = self.content_size.width
        if y >= len(self._shown_lines):
            return Strip.blank(width, self.rich_style)
        return Strip(
            [
                Segment(text, self.get_component_rich_style(f"machine--{kind}") if kind else self.rich_style)
                for text, kind in self._shown_lines[y]
            ],
            width,
        )

    async def _watch(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(self._pause())

    def _pause(self) -> float:
        power = None if self._found is None else self._found.power
        if self._low_power or (power is not None and power.on_mains is False):
            return SECONDS_SAVING
        loading = not self._desk.loaded and not self._desk.load_ended
        at_work = not self.is_folded and (self._line.status.busy or loading)
        return SECONDS_AT_WORK if at_work else SECONDS_AT_REST

    async def _learn(self, model: Backend, *, idle: bool) -> None:
        """What the model takes and can do; its speed is measured while nobody waits for an answer."""
        if self._learning:
            return
        self._learning = True
        try:
            footprint = await model.footprint(idle=idle)
        finally:
            self._learning = False
        if self._footprint_of is not model:
            self._speeds.clear()
        elif footprint == self._footprint:
            return
        self._footprint_of, self._footprint = model, footprint
        self._draw()

    def _unfold(self, unfolded: bool) -> None:
        self.display = unfolded
        self._line.display = not unfolded

    def _status_changed(self) -> None:
        if self.is_folded or self._drawing_soon:
            return
        gap = SECONDS_SAVING if self._low_power else SECONDS_BETWEEN_FRAMES
        wait = gap - (time.monotonic() - self._drawn_at)
        if wait <= 0:
            self._draw()
        else:
            self._drawing_soon = True
            self.set_timer(wait, self._draw)

    def _draw(self) -> None:
        self._drawing_soon = False
        width, height = self.content_size
        if self.is_folded or not width or not height:
            return
        # Not before it is to be seen: the app is to be on the screen soon.
        from tui.machine.rows import View, above, beside

        self._drawn_at = time.monotonic()
        opened = self._desk.opened
        learnt = opened is not None and opened.model is self._footprint_of
        footprint = self._footprint if learnt else Footprint()
        view = View(self._line.status, self._found, footprint, self._speeds, self._unknown)
        make = beside if self.has_class("beside") else above
        lines = make(view, width, height, self._words, plain=self._plain)
        before, self._shown_lines = self._shown_lines, lines
        for y in range(max(len(lines), len(before))):
            if lines[y : y + 1] != before[y : y + 1]:
                self.refresh(Region(0, y, width, 1))


def memory_of(look: Look) -> Memory | None:
    """For the status line; None where the system does not tell."""
    if look.available is None:
        return None
    return Memory(look.model.resident if look.model else 0, look.app.resident, look.available)
