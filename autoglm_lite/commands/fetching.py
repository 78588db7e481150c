"""A pull at work: in a thread, with how far it is on stderr, and a clean end on Ctrl-C."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from autoglm_lite.commands.measuring import termination_as_interrupt
from autoglm_lite.commands.shell import StatusLine

if TYPE_CHECKING:
    from pathlib import Path

    from autoglm_lite.store.download.progress import Progress
    from autoglm_lite.store.pulling import Pull, Stage

SECONDS_BETWEEN_LOOKS = 0.1


class _Work(threading.Thread):
    def __init__(self, pull: Pull) -> None:
        super().__init__(daemon=True)
        self._pull = pull
        self.path: Path | None = None
        self.ended = threading.Event()
        """To wait for: a signal in the midst of `join` has Python take a thread for ended (3.10 to 3.12)."""
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.path = self._pull.run()
        except BaseException as error:
            self.error = error
        finally:
            self.ended.set()


def fetch(pull: Pull) -> Path | None:
    """The stored model; None where the user stopped it, and what came is kept. Raises AutoglmError."""
    line, work = StatusLine(sys.stderr), _Work(pull)
    with termination_as_interrupt():
        try:
            work.start()
            while not work.ended.wait(SECONDS_BETWEEN_LOOKS):
                line.show(in_words(pull.stage, pull.progress))
        except KeyboardInterrupt:
            pull.stop()
            work.ended.wait()
        finally:
            line.clear()
    if work.error is not None:
        raise work.error
    return work.path


def in_words(stage: Stage, now: Progress) -> str:
    """One line: ` 42%  1.2 GB of 2.9 GB  3.1 MB/s  9 min 05 s left`."""
    from converters.progress import duration, size

    share = f"{now.done / now.total:4.0%}" if now.total else "   0%"
    line = f"{share}  {size(now.done)} of {size(now.total)}"
    if stage == "joining":
        return f"joining its parts: {line}"
    if now.state == "taken":
        return f"{line}  another autoglm-lite gets it"
    if now.state == "waiting":
        return f"{line}  waiting for the server"
    if now.state == "checking":
        return f"{line}  checking what came"
    if now.bytes_per_second and now.seconds_left is not None:
        line += f"  {size(now.bytes_per_second)}/s  {duration(now.seconds_left)} left"
    return line
