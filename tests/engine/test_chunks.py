"""How much prefill is computed between two reports."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.engine.engine import FIRST_CHUNK, SECONDS_A_CHUNK, next_chunk


@given(st.floats(0.01, 1e6), st.sampled_from([64, 512, 2048]))
def test_a_chunk_takes_two_seconds_at_most_unless_it_is_the_smallest(speed: float, n_ubatch: int) -> None:
    chunk = next_chunk(speed, n_ubatch)
    assert FIRST_CHUNK <= chunk <= n_ubatch
    assert chunk == FIRST_CHUNK or chunk / speed <= SECONDS_A_CHUNK
    assert chunk & (chunk - 1) == 0
