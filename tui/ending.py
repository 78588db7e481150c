"""The end of the app when the terminal is closed or the machine shuts down."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SECONDS_TO_END = 5.0
"""For stopping the answer, putting it on disk, and ending the worker."""


@contextmanager
def hangups_to(quit_app: Callable[[], object]) -> Iterator[None]:
    """Has SIGTERM and SIGHUP call `quit_app`, and end the process in any case some seconds later.

    Textual gives its output to a thread that dies when the terminal is gone; whoever draws then waits for it without
    end, the event loop with it. A handler of Python's own runs even then; one of asyncio's needs the loop.
    """

    def end(number: int, _frame: FrameType | None) -> None:
        last = threading.Timer(SECONDS_TO_END, os._exit, [128 + number])
        last.daemon = True
        last.start()
        quit_app()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
