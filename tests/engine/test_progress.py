"""How far a loading is: laws for every course of reading, and even growth on an even disk."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.engine.progress import COPY_BYTES, LoadShare

MIB = 1 << 20


@given(
    st.integers(0, 10**10),
    st.lists(st.tuples(st.integers(0, 200 * MIB), st.floats(0, 20)), max_size=60),
    st.lists(st.floats(0, 1), max_size=20),
)
def test_it_never_falls_and_never_passes_the_end(
    n_bytes: int, reads: list[tuple[int, float]], made: list[float]
) -> None:
    share, done, at = LoadShare(n_bytes), 0, 0.0
    told = []
    for more, seconds in reads:
        done, at = min(n_bytes, done + more), at + seconds
        told.append(share.read(done, at))
        assert told[-1] < 1 or n_bytes == 0
    told += [share.made(part) for part in sorted(made)]
    assert told == sorted(told)
    assert all(0 <= one <= 1 for one in told)
    assert share.made(1.0) == 1.0


@pytest.mark.parametrize("speed", [20e6, 60e6, 500e6])
@pytest.mark.parametrize("n_cached", [0, 300 * MIB])
def test_on_an_even_disk_the_time_left_is_soon_right(speed: float, n_cached: int) -> None:
    n_bytes = 1000 * MIB
    share = LoadShare(n_bytes)
    whole = (n_bytes - n_cached) / speed + n_bytes / COPY_BYTES
    for done in range(MIB, n_bytes + MIB, MIB):
        at = min(done, n_cached) / 10e9 + max(0, done - n_cached) / speed
        told = share.read(done, at)
        if at > 4:
            assert at / told == pytest.approx(whole, rel=0.05)


def test_what_is_in_memory_already_leaves_all_to_the_copying() -> None:
    share = LoadShare(1000 * MIB)
    for done in range(MIB, 1001 * MIB, MIB):
        told = share.read(done, done / 30e9)
    assert told < 0.05
    assert share.made(0.5) == pytest.approx(0.5, abs=0.05)
