"""A terminal for the app to run in: it answers what real ones answer, and knows when what was drawn."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import psutil

ROOT = Path(__file__).parent.parent
START = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
CONTROLS = re.compile(rb"\x1b(?:\[[0-9;:<=>?$]*[A-Za-z]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][0-9A-Za-z]|[=>78])")
REPLIES = (
    (b"\x1b]11;?", b"\x1b]11;rgb:1212/1212/1212\x1b\\"),
    (b"\x1b[c", b"\x1b[?62;22c"),
    (b"\x1b[?2026$p", b"\x1b[?2026;2$y"),
    (b"\x1b[?2048$p", b"\x1b[?2048;0$y"),
)
"""What a dark terminal of the kind of xterm says to our questions."""
Replies = tuple[tuple[bytes, bytes], ...]


def environment(home: str | Path) -> dict[str, str]:
    """For an app with its own data in `home`, on a terminal of many colours."""
    return {
        **os.environ,
        "AUTOGLM_LITE_HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "COLORTERM": "truecolor",
    }


class Terminal:
    """`command` in a session of its own on a new terminal. Seconds count from just before its start."""

    def __init__(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        columns: int = 80,
        rows: int = 24,
        replies: Replies = REPLIES,
    ) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
        self._replies = replies
        self.drawn = b""
        """All bytes so far."""
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-S", "-c", START, *command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=dict(environ),
            start_new_session=True,
        )
        os.close(theirs)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)

    @property
    def keyboard(self) -> int:
        """A descriptor of the terminal."""
        return self._ours

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    @property
    def processor_seconds(self) -> float:
        """Of the app's own process so far."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    @property
    def text(self) -> str:
        """All that was ever drawn, in that order, without the controls."""
        return CONTROLS.sub(b"", self.drawn).decode(errors="replace")

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def listen(self, seconds: float) -> bytes:
        """What is drawn within `seconds`, and returns as soon as something is."""
        if not select.select([self._ours], [], [], max(0.0, seconds))[0]:
            return b""
        try:
            new = os.read(self._ours, 65536)
        except OSError:
            # The other end is closed.
            return b""
        self.drawn += new
        for question, reply in self._replies:
            for _ in range(new.count(question)):
                os.write(self._ours, reply)
        return new

    def end(self, patience: float = 60.0) -> int:
        """Draws until the app ends by itself; returns its exit code. Raises TimeoutError."""
        end = time.monotonic() + patience
        while self.process.poll() is None:
            if time.monotonic() > end:
                raise TimeoutError(f"the app has not ended: {self.text[-300:]!r}")
            self.listen(0.05)
        while self.listen(0.05):
            pass
        return int(self.process.returncode)

    def until(self, sign: str, after: int = 0, patience: float = 60.0) -> float:
        """Seconds at which `sign` had been drawn after the first `after` bytes. Raises TimeoutError."""
        wanted, end = sign.encode(), time.monotonic() + patience
        while wanted not in CONTROLS.sub(b"", self.drawn[after:]):
            if not self.listen(end - time.monotonic()) and (time.monotonic() > end or self.process.poll() is not None):
                raise TimeoutError(f"{sign!r} was not drawn: {self.text[-300:]!r}")
        return self.seconds
