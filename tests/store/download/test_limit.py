"""A speed that all lines keep to together."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.store.download import Limit
from tests.store.download.driving import CONTENT, NAME, fetching
from tests.store.hub import FakeHub


@given(st.integers(1_000, 10**8), st.lists(st.tuples(st.integers(0, 3), st.integers(1, 1 << 16)), max_size=60))
def test_in_no_second_comes_more_than_a_second_s_worth(rate: int, pieces: list[tuple[int, int]]) -> None:
    """Each piece comes a while after the one before, and its line then waits as long as it is told."""
    limit = Limit(rate)
    now, taken = 100.0, list[tuple[float, int]]()
    for pause, n_bytes in pieces:
        now += pause / 4
        n_bytes = min(n_bytes, limit.piece(1 << 16))
        taken.append((now, n_bytes))
        now += limit.seconds(n_bytes, now)
    for begin, _ in taken:
        within = sum(n_bytes for at, n_bytes in taken if begin <= at < begin + 1)
        # What comes in the first moment, an eighth of a second's worth that was not used before, and one piece.
        assert within <= 1.26 * rate + 1


def test_lines_share_it(monkeypatch: pytest.MonkeyPatch) -> None:
    limit, now = Limit(1000), 50.0
    assert [round(limit.seconds(100, now), 3) for _ in range(4)] == [0.0, 0.075, 0.175, 0.275]
    assert limit.piece(1 << 16) == 125
    assert Limit(1e12).piece(1 << 16) == 1 << 16
    assert Limit(1).piece(1 << 16) == 1


def test_a_stop_ends_the_waiting() -> None:
    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()
    begun = time.monotonic()
    Limit(1).take(1000, stop)
    assert time.monotonic() - begun < 60


def test_a_download_keeps_to_it(hub: FakeHub, folder: Path) -> None:
    begun = time.monotonic()
    assert fetching(hub, folder, limit=Limit(800_000)).run()
    assert (folder / NAME).read_bytes() == CONTENT
    # 400,000 bytes; it may take longer on a busy machine, but never less.
    assert time.monotonic() - begun > 0.3
