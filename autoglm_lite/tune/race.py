"""Which of several ways costs least, when each measurement is disturbed by whatever else the machine does.

All that are in the race are measured in turns; what counts is a challenger's cost against the default's of the same
round, so that a slow minute of the machine hits both. The medians of these ratios are compared, and the default stays
unless a challenger is better by a margin and by more than chance: the sign test over the rounds. The values to choose
from are so few that racing one setting after another is enough; a library of optimisers would have nothing to do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median

MARGIN = 0.02
"""Less of a gain is not worth a change."""
MOST_ROUNDS = 9
CHANCE = 0.02
"""How likely as many better rounds may be for a challenger that is no better."""
CLEAR_ROUNDS = 3
CLEARLY_BETTER = 0.1
"""So many rounds are enough when each is better by this, and they agree."""
LOST_ROUNDS = 2
LOST = 0.05
"""A challenger is out when so many rounds are all worse by this, and they agree."""
HOPELESS_ROUNDS = 4
"""A challenger is out when it is no better after so many."""


class Race:
    """The default, number 0, against `n_challengers`, numbered from 1."""

    def __init__(self, n_challengers: int, most_rounds: int = MOST_ROUNDS) -> None:
        self._ratios: dict[int, list[float]] = {number: [] for number in range(1, n_challengers + 1)}
        """Of each challenger by round: the logarithm of its cost over the default's."""
        self._running = set(self._ratios)
        self._most_rounds = most_rounds
        self._n_rounds = 0

    @property
    def running(self) -> tuple[int, ...]:
        """The challengers that are to be measured in the next round, beside the default; none when all is decided."""
        return tuple(sorted(self._running))

    def add(self, costs: Mapping[int, float]) -> None:
        """One round: what the default and challengers cost. A challenger that is not in it has not been measured."""
        self._n_rounds += 1
        for number in self._running & costs.keys():
            self._ratios[number].append(math.log(costs[number] / costs[0]))
        self._running = {number for number in self._running if not self._decided(number)}
        if self._n_rounds >= self._most_rounds:
            self._running.clear()

    def drop(self, number: int) -> None:
        """Takes a challenger that failed out of the race; it cannot win."""
        self._ratios[number] = []
        self._running.discard(number)

    def ratio(self, number: int) -> float:
        """Of cost to the default's, the median of all rounds; 1 if it was not measured."""
        found = self._ratios.get(number)
        return math.exp(median(found)) if found else 1.0

    def winner(self) -> int:
        """The challenger that is best among those that are better for certain, else 0, the default."""
        better = [number for number, ratios in self._ratios.items() if is_better(ratios)]
        return min(better, key=self.ratio, default=0)

    def _decided(self, number: int) -> bool:
        ratios = self._ratios[number]
        lost = len(ratios) >= LOST_ROUNDS and min(ratios) > math.log1p(LOST) and _agree(ratios)
        hopeless = len(ratios) >= HOPELESS_ROUNDS and median(ratios) >= 0
        # Each round that is broken off takes long.
        broken = ratios.count(math.inf) >= LOST_ROUNDS
        return lost or hopeless or broken or is_better(ratios)


def is_better(ratios: Sequence[float]) -> bool:
    """Whether these logarithms of cost over the default's say that it is better, by a margin and beyond chance."""
    if len(ratios) < CLEAR_ROUNDS or median(ratios) > math.log1p(-MARGIN):
        return False
    if max(ratios) < math.log1p(-CLEARLY_BETTER) and _agree(ratios):
        return True
    return _chance(sum(ratio < 0 for ratio in ratios), len(ratios)) <= CHANCE


def _agree(ratios: Sequence[float]) -> bool:
    """Whether the rounds differ by less than half of what they show; after a round that was broken off they do not."""
    return max(ratios) - min(ratios) < abs(median(ratios)) / 2


def _chance(n_better: int, n_rounds: int) -> float:
    """That a fair coin shows `n_better` heads or more in `n_rounds` throws: the one-sided sign test."""
    return float(sum(math.comb(n_rounds, k) for k in range(n_better, n_rounds + 1)) / 2**n_rounds)
