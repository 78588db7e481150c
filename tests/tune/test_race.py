"""Races: the default stays unless a challenger is better beyond the noise."""

from __future__ import annotations

import math
import random

from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.tune.race import MARGIN, MOST_ROUNDS, Race, is_better


def run(costs: list[float], noise: list[list[float]]) -> Race:
    """Races challengers whose true costs are `costs`, the default's first; `noise` is by round, a factor for each."""
    race = Race(len(costs) - 1)
    for factors in noise:
        if not race.running:
            break
        race.add({number: costs[number] * factors[number] for number in (0, *race.running)})
    return race


def quiet(costs: list[float]) -> Race:
    return run(costs, [[1.0] * len(costs)] * MOST_ROUNDS)


@given(
    st.lists(st.floats(0.1, 10.0), min_size=2, max_size=5),
    st.floats(0.0, 0.5),
    st.randoms(use_true_random=False),
)
def test_the_winner_is_never_slower_than_the_default_by_more_than_the_noise(
    costs: list[float], noise: float, draw: random.Random
) -> None:
    factors = [[math.exp(draw.uniform(-noise, noise)) for _ in costs] for _ in range(MOST_ROUNDS)]
    race = run(costs, factors)
    assert not race.running
    # Each ratio is off by the noise of two measurements.
    assert costs[race.winner()] <= costs[0] * (1 - MARGIN) * math.exp(2 * noise) * (1 + 1e-9) or race.winner() == 0


@given(st.lists(st.floats(0.1, 10.0), min_size=2, max_size=5))
def test_without_noise_the_best_wins_if_it_is_worth_a_change(costs: list[float]) -> None:
    found = costs[quiet(costs).winner()]
    assert found <= min(costs) / (1 - MARGIN) * (1 + 1e-9)
    assert min(costs) <= found <= costs[0]


def test_chance_seldom_makes_a_winner_of_what_is_slower() -> None:
    """Measurements with noise of a fifth, now and then held up for long."""
    draw = random.Random(4)

    def disturbed() -> float:
        return math.exp(draw.gauss(0, 0.2)) * (5.0 if draw.random() < 0.1 else 1.0)

    wrong = 0
    for _ in range(1000):
        costs = [1.0, 1.1, 1.1, 1.1]
        race = run(costs, [[disturbed() for _ in costs] for _ in range(MOST_ROUNDS)])
        wrong += race.winner() != 0
    assert wrong <= 30


def test_what_is_clearly_better_is_found_in_spite_of_noise() -> None:
    draw = random.Random(5)
    found = 0
    for _ in range(200):
        race = run([1.0, 0.7], [[math.exp(draw.gauss(0, 0.1)) for _ in range(2)] for _ in range(MOST_ROUNDS)])
        found += race.winner() == 1
    assert found >= 190


def test_a_clear_case_ends_early() -> None:
    race = Race(2)
    for _ in range(3):
        assert race.running
        race.add({0: 1.0, 1: 0.7, 2: 1.5})
    assert race.running == ()
    assert race.winner() == 1
    assert race.ratio(1) == 0.7


def test_one_slow_minute_of_the_machine_decides_nothing() -> None:
    race = run([1.0, 1.0], [[1.0, 1.0], [9.0, 9.0], [1.0, 1.0], [9.0, 9.0], [1.0, 1.0]])
    assert race.winner() == 0
    one_stall = [[9.0, 1.0], *([[1.0, 1.0]] * 8)]
    assert run([1.0, 1.0], one_stall).winner() == 0


def test_who_fails_cannot_win() -> None:
    race = Race(2)
    race.add({0: 1.0, 1: 0.1, 2: 0.5})
    race.drop(1)
    for _ in range(4):
        race.add({0: 1.0, 2: 0.5})
    assert race.winner() == 2
    assert race.ratio(1) == 1.0


def test_a_broken_off_measurement_counts_as_the_worst() -> None:
    race = Race(1)
    for cost in (0.5, 0.5, math.inf, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5):
        race.add({0: 1.0, 1: cost})
    assert race.winner() == 1
    lost = Race(1)
    for _ in range(2):
        lost.add({0: 1.0, 1: math.inf})
    assert lost.running == ()
    assert lost.winner() == 0


def test_two_rounds_that_do_not_agree_do_not_end_a_race() -> None:
    noisy = Race(1)
    for cost in (1.2, 4.0):
        noisy.add({0: 1.0, 1: cost})
    assert noisy.running == (1,)
    # The noise was theirs.
    for _ in range(7):
        noisy.add({0: 1.0, 1: 0.8})
    assert noisy.winner() == 0
    assert noisy.ratio(1) < 1
    clear = Race(1)
    for cost in (1.2, 1.22):
        clear.add({0: 1.0, 1: cost})
    assert clear.running == ()


def test_few_rounds_are_no_proof() -> None:
    assert not is_better([math.log(0.5)] * 2)
    assert not is_better([math.log(0.95)] * 5)
    assert is_better([math.log(0.95)] * 6)
    # A great gain that the rounds agree on is seen sooner; a great one that they do not agree on may be chance.
    assert is_better([math.log(0.7)] * 3)
    assert not is_better([math.log(0.85), math.log(0.3), math.log(0.6)])
    # Better, but not worth a change.
    assert not is_better([math.log(0.99)] * 9)
