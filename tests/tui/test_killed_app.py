"""The app in a real terminal, killed while it answers."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from autoglm_lite.chat.history import History

PATIENCE = 60.0


class Terminal:
    """Of 80x24 characters, in a tmux server of its own."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def run(self, *command: str) -> None:
        words = " ".join(shlex.quote(word) for word in command)
        self.tmux("new-session", "-d", "-x", "80", "-y", "24", f"exec {words}")

    def tmux(self, *words: str) -> str:
        command = ["tmux", "-u", "-f", "/dev/null", "-S", str(self._socket), *words]
        return subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout

    def kill(self) -> None:
        os.kill(int(self.tmux("display-message", "-p", "#{pane_pid}")), signal.SIGKILL)
        self.wait(lambda: self._gone())

    def said(self) -> str:
        """What is seen of the answers, without white space."""
        lines = self.tmux("capture-pane", "-p").split("╭")[0].splitlines()
        return re.sub(r"[\s\u2580-\u259f]", "", "".join(line for line in lines if "▌" not in line))

    def wait(self, condition: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.01)

    def _gone(self) -> bool:
        command = ["tmux", "-S", str(self._socket), "has-session"]
        return subprocess.run(command, capture_output=True, check=False).returncode != 0


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    made = Terminal(tmp_path / "tmux")
    yield made
    if not made._gone():
        made.tmux("kill-server")


def shows(terminal: Terminal, text: str) -> bool:
    return text in terminal.said()


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("tmux"), reason="there is no tmux")
def test_what_was_on_the_screen_is_there_again(terminal: Terminal, endless_gguf: Path, home: Path) -> None:
    app = (sys.executable, "-m", "autoglm_lite", "chat")
    terminal.run(*app, str(endless_gguf), "--ctx", "32768", "--temperature", "0")
    terminal.wait(lambda: "free" in terminal.tmux("capture-pane", "-p"))
    terminal.tmux("send-keys", "Once upon a time", "Enter")
    terminal.wait(lambda: "tok/s" in terminal.tmux("capture-pane", "-p"))
    n_seen = 0
    for _ in range(2):
        terminal.wait(lambda: len(terminal.said()) > 600)
        time.sleep(0.37)
        seen = terminal.said()
        terminal.kill()
        with History(home / "data" / "conversations.db") as history:
            conversation = history.latest()
            assert conversation is not None
            answer = history.messages(conversation.id)[-1]
        whole = "".join(answer.content.split())
        assert seen in whole
        assert len(whole) > n_seen
        n_seen = len(whole)
        # Again, where it ended: that is seen, and it goes on from there.
        terminal.run(*app, str(endless_gguf), "--ctx", "32768", "--temperature", "0", "--continue")
        terminal.wait(partial(shows, terminal, whole[-20:]))
        terminal.wait(lambda: "free" in terminal.tmux("capture-pane", "-p"))
        terminal.tmux("send-keys", "/continue", "Enter")
        terminal.wait(lambda: "tok/s" in terminal.tmux("capture-pane", "-p"))
