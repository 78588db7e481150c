"""What answers say together."""

from __future__ import annotations

from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.bench.answer import Answer, between, decode_speed, quantile


def answer(*gaps: tuple[float, int]) -> Answer:
    return Answer(100, 20, 0.5, 0.6, gaps)


def test_only_what_was_not_cached_counts_as_read() -> None:
    assert answer().prefill == 160


@given(st.lists(st.floats(0.001, 10), min_size=1, max_size=300), st.floats(0.01, 1))
def test_a_quantile_has_its_share_below_it(values: list[float], share: float) -> None:
    found = quantile(sorted(values), share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9
    assert sum(value < found for value in values) < share * len(values)


@given(st.lists(st.floats(0.001, 10), min_size=1, max_size=50))
def test_tokens_that_come_alone_count_as_they_came(gaps: list[float]) -> None:
    found = between([answer(*((gap, 1) for gap in gaps))])
    assert found.median == median(gaps)
    assert found.p99 == max(gaps)
    assert not found.joined


def test_tokens_that_come_together_share_their_time() -> None:
    found = between([answer((0.9, 1), (0.6, 3)), answer((0.0, 0))])
    assert found.joined
    assert found.median == pytest.approx(0.2)
    assert found.p99 == 0.9


def test_the_speed_of_writing_is_the_median_of_answers() -> None:
    fast, slow, disturbed = answer((1.0, 10)), answer((1.0, 2), (1.0, 2)), answer((9.0, 1))
    assert decode_speed([fast, slow, disturbed, answer()]) == 2
    with pytest.raises(ValueError, match="no answer"):
        decode_speed([answer(), answer((0.1, 0))])
    with pytest.raises(ValueError, match="no answer"):
        between([answer()])
