"""What is written where, and how sizes are read."""

import argparse
import fcntl
import io
import os
import pty
import struct
import termios

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.commands.options import size
from autoglm_lite.commands.shell import Printer, StatusLine, without_controls


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@given(st.lists(st.text("ab\n ", max_size=4), max_size=8))
def test_an_answer_ends_with_one_line_end(pieces: list[str]) -> None:
    out = io.StringIO()
    printer = Printer(out)
    for piece in pieces:
        printer.write(piece)
    printer.end(always=True)
    assert out.getvalue() == "".join(pieces).rstrip("\n") + "\n"


def test_nothing_is_written_for_nothing() -> None:
    out = io.StringIO()
    Printer(out).end()
    hidden = Printer(out, hidden=True)
    hidden.write("text")
    hidden.end(always=True)
    assert out.getvalue() == ""


def test_a_model_cannot_steer_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    hostile = "a\x1b]0;title\x07b\x9b2Jc\rd\te\n你好👩‍💻é"
    assert without_controls(hostile) == "a]0;titleb2Jcd\te\n你好👩‍💻é"
    shown, piped = Terminal(), io.StringIO()
    for out in (shown, piped):
        Printer(out).write(hostile)
    assert shown.getvalue() == without_controls(hostile)
    assert piped.getvalue() == hostile
    thoughts = Terminal()
    Printer(thoughts, dim=True).write("hm\x1b[0m")
    assert thoughts.getvalue() == "\x1b[2mhm[0m\x1b[22m"


def test_progress_off_a_terminal_is_silent_unless_it_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("autoglm_lite.commands.shell.time.monotonic", lambda: now[0])
    log = io.StringIO()
    status = StatusLine(log)
    for second in range(13):
        now[0] = 100.0 + second
        status.show(f"{second} s")
    status.clear()
    assert log.getvalue() == "autoglm-lite: 5 s\nautoglm-lite: 10 s\n"


@pytest.mark.parametrize(("columns", "shown"), [(80, "12% of 模型"), (11, "12% of 模…"), (10, "12% of …")])
def test_progress_takes_no_more_than_one_line_of_a_terminal(columns: int, shown: str) -> None:
    terminal, ours = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with os.fdopen(ours, "w", encoding="utf-8") as stream:
        StatusLine(stream).show("12% of 模型")
        painted = os.read(terminal, 1000).decode()
    os.close(terminal)
    assert painted == f"\r{shown}\x1b[K"


@pytest.mark.parametrize(
    ("text", "n_bytes"),
    [("1000", 1000), ("3.5GB", 3_500_000_000), ("800MiB", 800 << 20), ("2 gib", 2 << 30), ("1kb", 1000), ("5B", 5)],
)
def test_sizes(text: str, n_bytes: int) -> None:
    assert size(text) == n_bytes


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "1e9", "3.5 GBit", "nan", "1.GB", "0x10"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"is no size: write it like 3\.5GB"):
        size(text)
