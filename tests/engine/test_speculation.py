"""Drafts repeat what was, and the gate lets none through that would not pay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.engine.speculation import LEAST, LONGEST, SHARE, WIDTHS, Gate, NGrams
from tests.engine.speculating import CURVES, KINDS, compared, seconds

texts = st.lists(st.integers(0, 3), max_size=32)


def follows(tokens: list[int], most: int) -> list[int]:
    """The draft by its definition."""
    for n in range(min(LONGEST, len(tokens) - 1), LEAST - 1, -1):
        for place in range(len(tokens) - 1, n - 1, -1):
            if tokens[place - n : place] == tokens[-n:]:
                going_on = list(tokens)
                while len(going_on) < place + most:
                    going_on.append(going_on[place + len(going_on) - len(tokens)])
                return going_on[place : place + most]
    return []


@given(texts, st.integers(0, 20))
def test_a_draft_is_what_followed_the_longest_run_that_ends_the_text(tokens: list[int], most: int) -> None:
    assert NGrams(tokens).draft(most) == (follows(tokens, most) if most else [])


@given(texts, texts, st.integers(1, 20))
def test_a_text_may_come_in_pieces(first: list[int], second: list[int], most: int) -> None:
    grams = NGrams(first)
    grams.draft(most)
    grams.extend(second)
    assert grams.draft(most) == NGrams(first + second).draft(most)


def test_the_latest_of_several_places_counts_and_a_longer_match_more() -> None:
    start = [7, 1, 2, 3, 50, 60, 8, 1, 2, 3, 51, 61, 9]
    assert NGrams([*start, 1, 2, 3]).draft(2) == [51, 61]
    assert NGrams([*start, 7, 1, 2, 3]).draft(2) == [50, 60]


def test_a_loop_is_taken_to_go_on() -> None:
    assert NGrams([1, 2, 3, 4] * 2).draft(10) == [1, 2, 3, 4, 1, 2, 3, 4, 1, 2]
    assert NGrams([5] * 4).draft(3) == [5, 5, 5]


def test_nothing_new_is_drafted() -> None:
    assert NGrams(range(100)).draft(5) == NGrams([]).draft(5) == NGrams([1, 2]).draft(5) == []


def test_memory_grows_by_eight_bytes_a_token() -> None:
    grams = NGrams(range(200_000))
    held = [grams._tokens, grams._before, grams._last]
    assert sum(len(numbers) * numbers.itemsize for numbers in held) == 200_000 * 8 + 4 * 2**15


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("kind", KINDS)
def test_speculation_never_costs_three_per_cent(curve: str, kind: str) -> None:
    for seed in range(2):
        assert seconds(CURVES[curve], KINDS[kind], 2000, seed) < 1.03 * 2000 * CURVES[curve](1)


def test_a_loop_is_written_nearly_as_fast_as_can_be() -> None:
    for curve in CURVES.values():
        usual, _, best = compared(curve, KINDS["a loop"], seeds=1)
        assert usual < best + 0.05


def test_repetitive_text_gains_most_of_what_the_best_width_does() -> None:
    for name in ("half of one", "a quarter", "2 %: a graphics card", "two cores, measured"):
        usual, _, best = compared(CURVES[name], KINDS["almost all copied"], seeds=3)
        assert 1 - usual > 0.6 * (1 - best)


@given(
    st.lists(st.floats(1, 2), min_size=15, max_size=15),
    st.lists(st.floats(0, 1), min_size=1, max_size=30),
    st.integers(50, 1500),
)
def test_the_account_bounds_the_loss_whatever_happens(slopes: list[float], holding: list[float], n_steps: int) -> None:
    """With any cost curve, and drafts that hold for a while to fail when much is saved."""
    costs = [1.0]
    for slope in slopes:
        costs.append(min(costs[-1] + slope, 2.0 * (len(costs) + 1)))
    gate, spent, written = Gate(), 0.0, 0
    for step in range(n_steps):
        width = gate.width()
        cost = costs[width]
        n_accepted = int(width * holding[step * len(holding) // n_steps])
        gate.took(width + 1, cost)
        gate.verified(width, n_accepted)
        spent += cost
        written += 1 + n_accepted
    assert spent <= written * (1 + SHARE) + costs[-1]


def test_it_is_off_until_plain_steps_are_known() -> None:
    gate = Gate()
    gate.took(16, 1.0)
    gate.verified(15, 15)
    assert gate.width() == 0


def test_it_begins_narrow_and_ends_where_it_began() -> None:
    gate, widths = Gate(), []
    for _ in range(400):
        widths.append(gate.width())
        gate.took(widths[-1] + 1, 1 + 0.1 * widths[-1])
        gate.verified(widths[-1], widths[-1])
    assert next(filter(None, widths)) == WIDTHS[0]
    assert widths[-1] == WIDTHS[-1]
    for _ in range(400):
        width = gate.width()
        gate.took(width + 1, 1 + 0.1 * width)
        gate.verified(width, 0)
    assert gate.width() in (0, WIDTHS[0])


def test_an_interrupted_step_does_not_close_it_for_good() -> None:
    gate = Gate()
    for _ in range(100):
        width = gate.width()
        gate.took(width + 1, 1 + 0.05 * width)
        gate.verified(width, width)
    width = gate.width()
    gate.took(width + 1, 1000.0)
    gate.verified(width, width)
    widths = []
    for _ in range(300):
        widths.append(gate.width())
        gate.took(widths[-1] + 1, 1 + 0.05 * widths[-1])
        gate.verified(widths[-1], widths[-1])
    assert max(widths[-50:]) == WIDTHS[-1]
