"""The search: one setting after another, each as a race in which challengers meet the best plan so far."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Protocol

from autoglm_lite.errors import LoadError, WorkerDiedError
from autoglm_lite.planning.plan import Plan
from autoglm_lite.tune.race import Race
from autoglm_lite.tune.settings import Part, Setting
from autoglm_lite.tune.turn import SLOW, Speed

DUEL_SHARE = 0.2
"""Of the time: kept for the winner of all settings against the usual plan."""
DUEL_ROUNDS = 4
SETTING_SHARE = 0.5
"""Of the time that is left: what one setting may take at most."""

Say = Callable[[str, float], None]
"""Gets what is being tried, and the seconds that are left at most."""


class Measures(Protocol):
    """The Stopwatch."""

    async def choose_length(self, plan: Plan) -> Speed: ...

    async def measure(self, plan: Plan, number: int) -> Speed: ...


@dataclass(frozen=True, slots=True)
class Found:
    plan: Plan
    """The fastest."""
    raced: frozenset[str]
    """The fields of the Plan that were decided by measuring."""
    usual: Speed
    """Of the plan that tuning began with."""
    best: Speed
    """Of `plan`; the same as `usual` where nothing was better."""
    scatter: float
    """How far measurements of the usual plan lay apart: the widest over the narrowest turn, less one."""
    n_measurements: int
    seconds: float


@dataclass
class Search:
    """`fits` says which plans may be tried. `clock` is in seconds."""

    stopwatch: Measures
    fits: Callable[[Plan], bool]
    say: Say
    budget: float
    clock: Callable[[], float] = time.monotonic
    _measured: dict[Plan, list[Speed]] = field(default_factory=dict)
    _took: list[float] = field(default_factory=list)
    """Seconds of the last measurements, loading included."""
    _n_measurements: int = 0
    _number: int = 0
    """Of the last round: each has a prompt of its own."""
    _began: float = 0.0

    async def run(self, usual: Plan, settings: Iterable[Setting]) -> Found:
        """Raises LoadError, WorkerDiedError when `usual` itself cannot be measured."""
        self._began = self.clock()
        self.say("the usual plan", self.budget)
        probe = await self.stopwatch.choose_length(usual)
        best, raced = usual, set[str]()
        for setting in settings:
            end = self._now + SETTING_SHARE * (self.budget * (1 - DUEL_SHARE) - self._now)
            best, decided = await self._race(setting, best, end)
            raced |= decided
        duel = await self._duel(best, usual) if best != usual else []
        # What is put together from several settings may be worse than each of them.
        if best not in self._measured or (duel and middle_ratio(duel) >= 1):
            best = usual
        mine, theirs = [pair[0] for pair in duel], [pair[1] for pair in duel]
        usual_speeds = theirs or self._measured.get(usual) or [probe]
        best_speeds = usual_speeds if best == usual else mine or self._measured[best]
        return Found(
            plan=best,
            raced=frozenset(raced),
            usual=middle(usual_speeds),
            best=middle(best_speeds),
            scatter=self._scatter(usual),
            n_measurements=self._n_measurements,
            seconds=self._now,
        )

    async def _race(self, setting: Setting, best: Plan, end: float) -> tuple[Plan, set[str]]:
        """The best plan with `setting` decided, and the fields for which it was; none where time was too short."""
        plans = [setting.apply(best, number) for number in range(len(setting.changes) + 1)]
        parts = list(dict.fromkeys(part for _, part in setting.fields))
        races = {part: Race(len(plans) - 1) for part in parts}
        for number, plan in enumerate(plans):
            if number and (plan == best or not self.fits(plan)):
                _drop(races, number)
        n_rounds = 0
        while running := sorted({number for race in races.values() for number in race.running}):
            if not self._has_time(len(running) + 1, end):
                break
            speeds = await self._round(plans, running, setting.name, races)
            if not speeds:
                continue
            n_rounds += 1
            for part, race in races.items():
                race.add({number: cost(speed, part) for number, speed in speeds.items()})
        decided = set()
        for name, part in setting.fields:
            winner = races[part].winner()
            if n_rounds and (winner or not races[part].running) and any(name in change for change in setting.changes):
                best = replace(best, **{name: getattr(plans[winner], name)})
                decided.add(name)
        return best, decided

    async def _round(
        self, plans: list[Plan], running: list[int], what: str, races: dict[Part, Race]
    ) -> dict[int, Speed]:
        """One measurement of the default and of each that is `running`; empty when the default was held up.

        Every other round goes backwards: what is loaded is measured first, and whoever comes first is not always the
        same.
        """
        order = [0, *running]
        self._number += 1
        if self._number % 2 == 0:
            order.reverse()
        speeds: dict[int, Speed] = {}
        for number in order:
            speed = await self._try(plans[number], what, optional=number > 0)
            if speed is None:
                _drop(races, number)
            else:
                speeds[number] = speed
        # A round whose default was held up says nothing of the others.
        return {} if speeds[0] == SLOW else speeds

    async def _try(self, plan: Plan, what: str, *, optional: bool = False) -> Speed | None:
        """None where the worker died of `plan`, or llama.cpp refused it: that plan has lost."""
        self.say(what, max(0.0, self.budget - self._now))
        before = self.clock()
        try:
            speed = await self.stopwatch.measure(plan, self._number)
        except (LoadError, WorkerDiedError):
            if not optional:
                raise
            return None
        self._took = [*self._took[-4:], self.clock() - before]
        self._n_measurements += 1
        if speed != SLOW:
            self._measured.setdefault(plan, []).append(speed)
        return speed

    async def _duel(self, best: Plan, usual: Plan) -> list[tuple[Speed, Speed]]:
        """Rounds of `best` against `usual`, as many as there is time for."""
        rounds: list[tuple[Speed, Speed]] = []
        while len(rounds) < DUEL_ROUNDS and self._has_time(2, self.budget):
            speeds = await self._round([usual, best], [1], "the winner against the usual", {})
            if speeds and speeds.get(1, SLOW) != SLOW:
                rounds.append((speeds[1], speeds[0]))
        return rounds

    def _scatter(self, usual: Plan) -> float:
        turns = [speed.turn for speed in self._measured.get(usual, [])]
        return max(turns) / min(turns) - 1 if turns else 0.0

    def _has_time(self, n_measurements: int, end: float) -> bool:
        return self._now + n_measurements * median(self._took or [0.0]) <= end

    @property
    def _now(self) -> float:
        """Seconds since the beginning."""
        return self.clock() - self._began


def middle(speeds: Sequence[Speed]) -> Speed:
    """The median of each part; `speeds` are not empty."""
    return Speed(median(s.prefill for s in speeds), median(s.decode for s in speeds))


def middle_ratio(rounds: Iterable[tuple[Speed, Speed]]) -> float:
    """Of the first's turn to the second's, the median."""
    return median(mine.turn / theirs.turn for mine, theirs in rounds)


def cost(speed: Speed, part: Part) -> float:
    return {"turn": speed.turn, "prefill": speed.prefill, "decode": speed.decode}[part]


def _drop(races: dict[Part, Race], number: int) -> None:
    for race in races.values():
        race.drop(number)
