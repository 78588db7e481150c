"""The lines at the bottom, and the figures in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from autoglm_lite.generation import Prefill
from autoglm_lite.worker.pace import Pace
from tui.conversation.pace import LONGEST, SHARE, SHORTEST, gap
from tui.keys import fitting
from tui.machine.speed import WINDOW, Speedometer
from tui.machine.status import Memory, Status, loading_line, reading_line, size, status_line
from tui.words.machine import CHINESE, ENGLISH, Words

FULL = Status(
    "小模型 1.5B", 4096, "reading the prompt 128/512", 31.24, Memory(812_000_000, 61_000_000, 3_100_000_000), 512
)
EMPTY = Status("starter", 2048)


@pytest.mark.parametrize("words", [ENGLISH, CHINESE])
@pytest.mark.parametrize("status", [FULL, EMPTY])
def test_the_status_line_fills_any_width_and_never_more(status: Status, words: Words) -> None:
    for width in range(1, 220):
        assert cell_len(status_line(status, width, words)) == width


def test_a_wide_status_line_says_everything() -> None:
    line = status_line(FULL, 150, ENGLISH)
    assert line.split("  ·  ")[:2] == ["小模型 1.5B", "reading the prompt 128/512"]
    for part in ("31.2 tok/s", "model 812 MB + app 61 MB, 3.1 GB free", "context 512/4096"):
        assert part in line


@pytest.mark.parametrize(
    ("seconds_left", "words", "line"),
    [
        (None, ENGLISH, "loading 5 %"),
        (0.4, ENGLISH, "loading 5 %"),
        (11.6, ENGLISH, "loading 5 %, 12 s left"),
        (11.6, CHINESE, "正在加载 5%，还需 12 秒"),
    ],
)
def test_a_loading_that_takes_longer_says_how_long(seconds_left: float | None, words: Words, line: str) -> None:
    assert loading_line(Pace(0.05, None, seconds_left), words) == line


def test_a_narrow_status_line_says_what_goes_on() -> None:
    assert "reading the prompt 128/512" in status_line(FULL, 40, ENGLISH)
    assert status_line(EMPTY, 30, ENGLISH).startswith("starter")


@pytest.mark.parametrize(
    ("n_bytes", "said"), [(0, "0 MB"), (999_400_000, "999 MB"), (999_500_000, "1.0 GB"), (3_149_000_000, "3.1 GB")]
)
def test_sizes(n_bytes: int, said: str) -> None:
    assert size(n_bytes) == said


@given(st.integers(0, 120))
def test_the_keys_that_fit_are_shown_the_first_ones_first(width: int) -> None:
    keys = [("Enter", "发送", "send"), ("Ctrl+Q", "quit", "quit"), ("Ctrl+N", "new chat", "new")]
    shown = fitting(keys, width)
    assert [action for _, _, action in shown] == [action for _, _, action in keys][: len(shown)]
    assert cell_len("   ".join(f"{key} {what}" for key, what, _ in shown)) <= width
    if width >= 42:
        assert shown == keys
    if width >= 34:
        assert len(shown) == 3


def test_speed_is_that_of_the_last_seconds() -> None:
    meter = Speedometer()
    assert meter.speed() is None
    meter.count(5, 0.0)
    assert meter.speed() is None
    for tenth in range(1, 11):
        meter.count(2, tenth / 10)
    assert meter.speed() == pytest.approx(20)
    for tenth in range(1, 101):
        meter.count(1, 10 + tenth / 10)
    assert meter.speed() == pytest.approx(10)
    assert len(meter._seen) <= WINDOW * 10 + 2


@given(st.floats(0, 10), st.floats(0, 10))
def test_costly_paints_are_rarer(cost: float, other: float) -> None:
    assert SHORTEST <= gap(cost) <= LONGEST
    if cost <= other:
        assert gap(cost) <= gap(other)
    if SHORTEST < gap(cost) < LONGEST:
        assert cost / gap(cost) == pytest.approx(SHARE)
    assert gap(cost, seen=False) == LONGEST


def test_how_long_reading_still_takes() -> None:
    assert reading_line(Prefill(0, 512, 0), ENGLISH) == "reading the prompt 0/512"
    assert reading_line(Prefill(128, 512, 0, 13.6), ENGLISH) == "reading the prompt 128/512, 14 s left"
    assert reading_line(Prefill(500, 512, 0, 0.4), CHINESE) == "正在读取提示 500/512"
    assert reading_line(Prefill(512, 512, 0, 0.0), ENGLISH) == "answering"
