"""Takes the terminal over before the app's modules are read, which is most of what its start takes."""

from __future__ import annotations

import os
import select
import shutil
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from autoglm_lite.errors import UsageError
from tui.terminal.replies import QUESTIONS, Replies, read_replies

SECONDS_FOR_REPLIES = 0.3
SECONDS_OVER_SSH = 1.0
"""A reply that comes later would be taken for keys."""
SECONDS_AFTER_ALL = 0.02
"""tmux asks the terminal it is in, so that its replies may change places."""
MOST_TYPED = 65536
SILENT = ("", "dumb", "linux")


def check_terminal() -> None:
    """Raises UsageError where the app cannot be drawn."""
    if sys.__stderr__ is None or not sys.__stderr__.isatty():
        raise UsageError('The terminal app draws on stderr: do not redirect it, or ask in the shell with -p "...".')


@contextmanager
def taken_terminal(environ: Mapping[str, str]) -> Iterator[TakenTerminal]:
    """Shows the app's outline at once, keeps what is typed from being echoed, and gives the terminal back at the end.

    It is asked for its colours, if it is of a kind that answers.
    """
    ask = environ.get("TERM", "") not in SILENT
    keyboard = sys.__stdin__.fileno() if sys.__stdin__ is not None else 0
    try:
        before = termios.tcgetattr(keyboard)
    except termios.error:
        yield TakenTerminal(keyboard, 0.0)
        return
    now = termios.tcgetattr(keyboard)
    now[0] &= ~(termios.ICRNL | termios.INLCR | termios.IGNCR | termios.IXON)
    now[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN)
    termios.tcsetattr(keyboard, termios.TCSANOW, now)
    try:
        _write("\x1b[?1049h\x1b[2J" + outline(*shutil.get_terminal_size()) + (QUESTIONS if ask else ""))
        seconds = SECONDS_OVER_SSH if "SSH_TTY" in environ else SECONDS_FOR_REPLIES
        yield TakenTerminal(keyboard, seconds if ask else 0.0)
    finally:
        with suppress(termios.error, OSError):
            termios.tcsetattr(keyboard, termios.TCSANOW, before)
            _write("\x1b[?1049l\x1b[?25h")


class TakenTerminal:
    def __init__(self, keyboard: int, seconds: float) -> None:
        self._keyboard = keyboard
        self._seconds = seconds

    def replies(self) -> Replies:
        """What it has said by now, and what was typed; waits a moment where replies are still to come. What comes
        after this is the app's to read."""
        came, end = b"", time.monotonic() + self._seconds
        found = Replies(not self._seconds, None, "")
        while len(came) < MOST_TYPED:
            patience = 0.0 if not self._seconds else SECONDS_AFTER_ALL if found.complete else end - time.monotonic()
            if not select.select([self._keyboard], [], [], max(0.0, patience))[0]:
                break
            new = os.read(self._keyboard, 4096)
            if not new:
                break
            came += new
            found = read_replies(came.decode(errors="ignore"))
        return found


def outline(columns: int, rows: int) -> str:
    """The box to write in, where the app will draw it, with the cursor in it."""
    if columns < 20 or rows < 8:
        return ""
    line = "-" * (columns - 2)
    return (
        f"\x1b[{rows - 4};1H+{line}+\x1b[{rows - 3};1H|\x1b[{rows - 3};{columns}H|\x1b[{rows - 2};1H+{line}+"
        f"\x1b[{rows - 1};2Hautoglm-lite …\x1b[{rows - 3};3H"
    )


def _write(text: str) -> None:
    if sys.__stderr__ is not None:
        with suppress(OSError):
            sys.__stderr__.write(text)
            sys.__stderr__.flush()
