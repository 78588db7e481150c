"""How much prefill is computed between two reports."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.engine.batch import FIRST_CHUNK, next_chunk
from autoglm_lite.planning.prefill import STEP_SECONDS

lengths = st.integers(1, 100_000)
speeds = st.floats(0, 1e6)
ubatches = st.sampled_from([1, 3, 64, 512, 2048])


@given(lengths, speeds, ubatches)
def test_a_chunk_takes_six_seconds_at_most_unless_it_is_small(n_left: int, speed: float, n_ubatch: int) -> None:
    chunk = next_chunk(n_left, speed, n_ubatch)
    assert 1 <= chunk <= min(n_left, n_ubatch)
    assert chunk <= FIRST_CHUNK or chunk <= speed * STEP_SECONDS


@given(lengths, speeds, ubatches)
def test_the_weights_are_read_no_more_often_than_they_must(n_left: int, speed: float, n_ubatch: int) -> None:
    most = min(max(FIRST_CHUNK, int(speed * STEP_SECONDS)), n_ubatch)
    n_chunks, left = 0, n_left
    while left:
        left -= next_chunk(left, speed, n_ubatch)
        n_chunks += 1
    assert n_chunks == -(-n_left // most)
