"""How far a long piece of work has come: a line that is redrawn on a terminal, one every few seconds elsewhere."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TextIO

TERMINAL_SECONDS = 0.2
"""Between two redraws on a terminal."""

LOG_SECONDS = 5.0
"""Between two lines in a file or a pipe."""


class Progress:
    """Reports bytes done out of bytes in all to `stream`, with the speed and the time left; or another `amount`."""

    def __init__(
        self,
        stream: TextIO,
        clock: Callable[[], float] = time.monotonic,
        amount: Callable[[float], str] | None = None,
    ) -> None:
        self._stream = stream
        self._amount = amount or size
        self._clock = clock
        self._terminal = stream.isatty()
        self._began = self._shown = clock()
        self._before: float | None = None

    def __call__(self, done: int, total: int) -> None:
        """Shows the state, unless the last time was a moment ago."""
        now = self._clock()
        if self._before is None:
            # What was there already, and what was done before, say nothing of the speed.
            self._began, self._before = now, done
            return
        if now - self._shown < (TERMINAL_SECONDS if self._terminal else LOG_SECONDS):
            return
        self._shown = now
        speed = (done - self._before) / (now - self._began) if now > self._began else 0.0
        left = (total - done) / speed if speed else 0.0
        show = self._amount
        line = f"{done / total:4.0%}  {show(done)} of {show(total)}  {show(speed)}/s  {duration(left)} left"
        self._stream.write(f"\r\x1b[K{cut(line, self._stream)}" if self._terminal else line + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Removes the redrawn line."""
        if self._terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def cut(line: str, terminal: TextIO) -> str:
    """What of it `terminal` shows on one line; more would go on in the next, and each redraw below it."""
    try:
        columns = os.get_terminal_size(terminal.fileno()).columns
    except (OSError, ValueError):
        return line
    return line[: columns - 1] if columns > 1 else line


def size(nbytes: float) -> str:
    """Bytes in decimal units, as disks are sold: `4.7 GB`."""
    for unit in ("bytes", "kB", "MB"):
        if nbytes < 1000:
            return f"{nbytes:.0f} {unit}" if unit == "bytes" else f"{nbytes:.1f} {unit}"
        nbytes /= 1000
    return f"{nbytes:.2f} GB"


def duration(seconds: float) -> str:
    """Seconds as `42 s`, `3 min 05 s` or `2 h 10 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
