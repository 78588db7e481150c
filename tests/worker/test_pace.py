"""Speed and time left of a loading follow from its shares."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.commands.shell import pace_in_words
from autoglm_lite.worker import pace as module
from autoglm_lite.worker.pace import Loading, Pace, pace


@given(st.floats(0.01, 1), st.floats(0.5, 1e4), st.integers(1, 10**11))
def test_what_is_done_and_what_is_left_make_the_whole(share: float, seconds: float, n_bytes: int) -> None:
    found = pace(share, seconds, n_bytes)
    assert found.bytes_per_second is not None
    assert found.seconds_left is not None
    assert found.bytes_per_second * (seconds + found.seconds_left) == pytest.approx(n_bytes)


def test_in_words() -> None:
    assert pace_in_words(Pace(0.25, None, None)) == "25%"
    assert pace_in_words(pace(0.25, 4.0, 986_000_000)) == "25%, 62 MB/s, 12 s left"


def test_a_model_that_is_loaded_again_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(module, "monotonic", lambda: now)
    loading = Loading(1000)
    now += 10
    assert loading.pace(0.5) == Pace(0.5, 50.0, 10.0)
    assert loading.pace(1.0).seconds_left == 0
    now += 600
    assert loading.pace(0.1) == Pace(0.1, None, None)
    now += 1
    assert loading.pace(0.5) == Pace(0.5, 500.0, 1.0)
