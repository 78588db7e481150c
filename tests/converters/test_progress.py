"""Progress as a terminal and as a log file see it."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import termios
from collections.abc import Iterator
from typing import TextIO

import pytest

from converters.progress import Progress, duration, size
from converters.streaming.journey import Journey


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def run(stream: io.StringIO, steps: int, seconds: float) -> str:
    """What `stream` gets when 1 MB is done every `seconds`."""
    moments = iter(seconds * step for step in range(steps + 1))
    progress = Progress(stream, lambda: next(moments))
    for step in range(1, steps + 1):
        progress(step * 1_000_000, steps * 1_000_000)
    progress.close()
    return stream.getvalue()


def test_a_terminal_has_one_line_that_is_redrawn_and_removed() -> None:
    shown = run(Terminal(), steps=20, seconds=0.125).split("\r\x1b[K")
    assert len(shown) == 12
    assert shown[5] == " 50%  10.0 MB of 20.0 MB  8.0 MB/s  1 s left"
    assert shown[-1] == ""


@pytest.fixture
def narrow() -> Iterator[tuple[int, TextIO]]:
    """The two ends of a terminal with 30 columns."""
    terminal, ours = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 30, 0, 0))
    with os.fdopen(ours, "w") as stream:
        yield terminal, stream
    os.close(terminal)


def test_it_takes_no_more_than_one_line_of_a_narrow_terminal(narrow: tuple[int, TextIO]) -> None:
    terminal, stream = narrow
    moments = iter([0, 0, 1])
    progress = Progress(stream, lambda: next(moments))
    progress(0, 20_000_000)
    progress(5_000_000, 20_000_000)
    assert os.read(terminal, 1000).decode() == "\r\x1b[K 25%  5.0 MB of 20.0 MB  5.0 "


def test_nor_does_that_of_a_conversion_from_a_hub(narrow: tuple[int, TextIO]) -> None:
    terminal, stream = narrow
    moments = iter([0, 1, 2])
    journey = Journey(stream, (lambda: 100, 1000), 500, lambda: True, lambda: next(moments))
    journey.waiting()
    journey.waiting()
    assert os.read(terminal, 1000).decode() == "\r\x1b[K  5%  100 bytes of 1.0 kB fet"


def test_a_log_gets_a_line_every_few_seconds() -> None:
    shown = run(io.StringIO(), steps=20, seconds=1).splitlines()
    assert shown == [
        " 25%  5.0 MB of 20.0 MB  1.0 MB/s  15 s left",
        " 50%  10.0 MB of 20.0 MB  1.0 MB/s  10 s left",
        " 75%  15.0 MB of 20.0 MB  1.0 MB/s  5 s left",
        "100%  20.0 MB of 20.0 MB  1.0 MB/s  0 s left",
    ]


def test_what_was_done_before_says_nothing_of_the_speed() -> None:
    moments = iter([0, 100, 105])
    stream = io.StringIO()
    progress = Progress(stream, lambda: next(moments))
    # Planning took 100 seconds, and 20 MB are of an earlier attempt.
    progress(20_000_000, 40_000_000)
    progress(30_000_000, 40_000_000)
    assert stream.getvalue() == " 75%  30.0 MB of 40.0 MB  2.0 MB/s  5 s left\n"


@pytest.mark.parametrize(("nbytes", "text"), [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (4.7e9, "4.70 GB")])
def test_size(nbytes: float, text: str) -> None:
    assert size(nbytes) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")])
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("overlaps", "left"), [(False, "50 s"), (True, "40 s")])
def test_the_time_left_of_a_conversion_from_a_hub(overlaps: bool, left: str) -> None:
    stream, now, fetched = io.StringIO(), 0.0, 0

    journey = Journey(stream, (lambda: fetched, 1000), 500, lambda: overlaps, lambda: now)
    # That much was written in an earlier run.
    journey.waiting()
    journey.wrote(100)
    for _ in range(10):
        now, fetched = now + 1.0, fetched + 20
        journey.waiting()
    for written in range(110, 201, 10):
        now += 1 / 3
        journey.wrote(written)
    # Of 800 bytes at 20 a second, and 300 at 30.
    amounts = "200 bytes of 1.0 kB fetched (20 bytes/s), 200 bytes of 500 bytes written"
    assert journey.line() == f" 30%  {left} left  {amounts}"
    assert len(stream.getvalue().splitlines()) == 2
