"""Laws of what is measured: it fits into the context and into the time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.bench.countdown import Countdown
from autoglm_lite.bench.schedule import (
    MOST_ANSWER,
    MOST_PROMPT,
    Asked,
    Cost,
    Point,
    affordable,
    depths,
    depths_seconds,
    reopened_seconds,
)
from autoglm_lite.errors import UsageError

seconds = st.floats(1e-6, 10)
costs = st.builds(Cost, st.floats(0, 60), seconds, seconds, st.floats(0, 1e-3), st.floats(0, 1e-3))
asked = st.builds(Asked, st.none() | st.integers(16, 5000), st.none() | st.integers(2, 2000), st.integers(1, 9))


@given(asked, st.integers(32, 40_000), costs)
def test_everything_fits_into_the_context(asked: Asked, n_ctx: int, cost: Cost) -> None:
    try:
        asked.check(n_ctx)
    except UsageError:
        return
    lengths = asked.lengths(n_ctx, cost)
    found = depths(lengths, n_ctx)
    assert max(found, default=0) + lengths.prompt + lengths.answer < n_ctx
    assert list(found) == sorted(set(found))
    assert 0 < lengths.message < lengths.prompt
    assert lengths.prompt == asked.prompt or 16 <= lengths.prompt <= MOST_PROMPT
    assert lengths.answer == asked.answer or 2 <= lengths.answer <= MOST_ANSWER


@given(asked, costs, st.floats(0, 1000))
def test_what_is_taken_can_be_afforded_and_one_more_cannot(asked: Asked, cost: Cost, left: float) -> None:
    lengths = asked.lengths(40_000, cost)
    wanted = depths(lengths, 40_000)
    taken = affordable(lengths, wanted, 0, cost, left)
    assert wanted[: len(taken)] == taken

    def needed(n: int) -> float:
        return reopened_seconds(lengths, cost) + depths_seconds(lengths, 0, wanted[:n], cost)

    if taken:
        assert needed(len(taken)) <= left + 1e-6
    if len(taken) < len(wanted):
        assert needed(len(taken) + 1) >= left - 1e-6


def test_an_old_laptop_ends_in_three_minutes_and_measures_depth() -> None:
    # A model of 1.5 billion parameters on two old cores.
    cost = Cost(load=6, prefill=1 / 20, decode=1 / 5)
    lengths = Asked().lengths(4096, cost)
    assert (lengths.prompt, lengths.answer, lengths.repeat) == (160, 20, 3)
    assert depths(lengths, 4096) == (1024, 3840)
    assert affordable(lengths, depths(lengths, 4096), 0, cost, 130) == (1024,)


def test_a_line_through_two_depths() -> None:
    first, last = Point(0, 1.0, 2.0), Point(1000, 3.0, 2.5)
    cost = Cost.of(5.0, first, last)
    assert cost.reading(10, 500) == pytest.approx(20)
    assert cost.writing(4, 2000) == pytest.approx(12)
    # Noise does not make depth cheaper.
    assert Cost.of(5.0, last, first).reading(1, 4000) == 3.0


def test_the_time_left_never_runs_out_before_the_last_step() -> None:
    now = 0.0
    countdown = Countdown(lambda: now)
    countdown.begin(10, later=30)
    assert countdown.left == 40
    now = 4
    assert countdown.left == 36
    now = 100
    assert countdown.left == 30
    countdown.begin(1, later=0)
    now = 200
    assert countdown.left == 0


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Asked(prompt=0), "--prompt-tokens 0 makes no sense"),
        (Asked(answer=1), "--gen-tokens 1 makes no sense"),
        (Asked(repeat=0), "--repeat 0 makes no sense"),
        (Asked(prompt=1000, answer=24), "more than the context of 1,024 tokens"),
    ],
)
def test_what_makes_no_sense_is_refused(asked: Asked, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        asked.check(1024)
