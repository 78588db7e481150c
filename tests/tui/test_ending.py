"""The app in a real terminal that is closed while an answer comes."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from autoglm_lite.chat.history import History

START = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
PATIENCE = 60.0


def open_app(model: Path) -> tuple[subprocess.Popen[bytes], int]:
    """The app at 80x24 in a session of its own, as a terminal starts it, and our end of that terminal."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    command = [sys.executable, "-c", START, sys.executable, "-m", "autoglm_lite", "chat", str(model)]
    command += ["--ctx", "32768", "--temperature", "0"]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    return process, ours


def read_until(terminal: int, sign: bytes) -> None:
    seen, deadline = b"", time.monotonic() + PATIENCE
    while sign not in seen:
        assert time.monotonic() < deadline, f"{sign!r} was not drawn: {seen[-500:]!r}"
        if select.select([terminal], [], [], 1.0)[0]:
            seen += os.read(terminal, 65536)


@pytest.mark.parametrize("number", [None, signal.SIGTERM, signal.SIGHUP])
def test_the_process_ends_and_what_came_is_kept(endless_gguf: Path, home: Path, number: int | None) -> None:
    process, terminal = open_app(endless_gguf)
    try:
        read_until(terminal, b"free")
        os.write(terminal, b"Once upon a time\r")
        read_until(terminal, b"tok/s")
        if number is not None:
            process.send_signal(number)
            # Nobody reads the terminal any more either, as when its window hangs.
        else:
            os.close(terminal)
        process.wait(PATIENCE)
    finally:
        process.kill()
        process.wait()
        if number is not None:
            os.close(terminal)
    with History(home / "data" / "conversations.db") as history:
        conversation = history.latest()
        assert conversation is not None
        question, answer = history.messages(conversation.id)
    assert question.content == "Once upon a time"
    assert answer.content
