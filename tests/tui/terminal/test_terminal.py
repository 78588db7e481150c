"""The app in a real terminal: what is typed before it is there, its colours, a change of language, and failures."""

from __future__ import annotations

import os
import sys
import termios
from pathlib import Path

import pytest

from benchmarks.terminal import Terminal

PLAIN_ENVIRON = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", "PYTHONPATH": str(Path.cwd())}
BREAKING = """
import sys
from tui import keys
def broken(self, text):
    keys.KeysLine.remark = whole
    raise ZeroDivisionError
whole, keys.KeysLine.remark = keys.KeysLine.remark, broken
from autoglm_lite.cli import main
sys.exit(main())
"""
"""A program in which Ctrl+Y, with no answer to copy, fails the first time."""


@pytest.fixture
def environ(home: Path) -> dict[str, str]:
    names = ("PATH", "HOME", "LD_LIBRARY_PATH")
    return {
        **{name: os.environ[name] for name in names if name in os.environ},
        **PLAIN_ENVIRON,
        "AUTOGLM_LITE_HOME": str(home),
    }


def test_it_follows_the_terminal_and_changes_its_language(environ: dict[str, str], home: Path) -> None:
    light = ((b"\x1b]11;?", b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\"), (b"\x1b[c", b"\x1b[?62c"))
    with Terminal([sys.executable, "-m", "autoglm_lite", "chat"], environ, replies=light) as terminal:
        before = termios.tcgetattr(terminal.keyboard)
        terminal.until("autoglm-lite …")
        terminal.type("typed early 早")
        terminal.until("typed early 早")
        assert b"48;2;251;251;249" in terminal.drawn
        assert "]11;" not in terminal.text.replace("]11;?", "")
        terminal.until(" free")
        terminal.type("\x1bOS")
        terminal.until("automatic (English)")
        n = len(terminal.drawn)
        terminal.type("\x1b[D")
        terminal.until("语言", after=n)
        terminal.until("typed early 早", after=n)
        assert (home / "config/app.toml").read_text() == 'language = "zh"\n'
        terminal.type("\x11")
        assert terminal.end() == 0
        assert termios.tcgetattr(terminal.keyboard)[:4] == before[:4]
        assert terminal.drawn.rstrip().endswith(b"\x1b[?1049l\x1b[?25h")


def test_a_failure_costs_neither_the_terminal_nor_the_text(environ: dict[str, str], home: Path) -> None:
    with Terminal([sys.executable, "-c", BREAKING, "chat"], environ) as terminal:
        terminal.until(" free")
        assert b"48;2;20;20;20" in terminal.drawn
        terminal.type("kept")
        terminal.until("kept")
        n = len(terminal.drawn)
        terminal.type("\x19")
        terminal.until("ZeroDivisionError", after=n)
        terminal.until("kept", after=n)
        assert "Traceback" not in terminal.text
        n = len(terminal.drawn)
        terminal.type("\x1b[19~")
        terminal.until("Traceback", after=n)
        terminal.type("\x1b")
        terminal.type("\x11")
        assert terminal.end() == 0
    assert "ZeroDivisionError" in (home / "state/logs/app.log").read_text()
