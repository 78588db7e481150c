"""The search with made-up machines: what it finds, what it does not try, and that it keeps to its time."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from autoglm_lite.errors import LoadError, WorkerDiedError
from autoglm_lite.planning.make import Wishes, choose
from autoglm_lite.planning.plan import Plan
from autoglm_lite.tune.search import Found, Search
from autoglm_lite.tune.settings import Setting, fits, settings, thread_numbers
from autoglm_lite.tune.turn import SLOW, Speed
from tests.planning.models import GB, QWEN_1_5B, machine

HERE = machine(8 * GB)
NO_WISHES = Wishes()
USUAL = choose(QWEN_1_5B, HERE).plan


@dataclass
class Fake:
    """Measures by a formula; a measurement takes `seconds` of its own clock, a load of weights three times that."""

    speed: Callable[[Plan], Speed]
    noise: float = 0.0
    seconds: float = 1.0
    deadly: Callable[[Plan], bool] = lambda plan: False
    now: float = 0.0
    tried: list[Plan] = field(default_factory=list)
    draw: random.Random = field(default_factory=lambda: random.Random(1))

    async def choose_length(self, plan: Plan) -> Speed:
        return await self.measure(plan, 0)

    async def measure(self, plan: Plan, number: int) -> Speed:
        self.now += self.seconds * (1 if self.tried and plan.repack == self.tried[-1].repack else 3)
        self.tried.append(plan)
        if self.deadly(plan):
            raise WorkerDiedError("killed")
        true = self.speed(plan)
        return Speed(*(part * math.exp(self.draw.gauss(0, self.noise)) for part in (true.prefill, true.decode)))


def search(fake: Fake, budget: float = 1e6, wishes: Wishes = NO_WISHES, available: float = 8 * GB) -> Found:
    here = machine(available)
    choice = choose(QWEN_1_5B, here, wishes)
    found = Search(
        fake, lambda plan: fits(QWEN_1_5B, here, choice, plan), lambda what, left: None, budget, lambda: fake.now
    )
    return asyncio.run(found.run(choice.plan, settings(QWEN_1_5B, here, wishes, choice)))


def usual_speed(plan: Plan) -> Speed:
    """As on most machines: as many threads as cores, repacked."""
    threads = {1: 2.0, 2: 1.2, 3: 1.1, 4: 1.0, 8: 1.3}
    slower = 1.0 if plan.repack else 1.4
    return Speed(0.01 * threads[plan.threads_batch] * slower, 0.1 * threads[plan.threads] * slower)


def test_where_the_usual_is_best_it_stays() -> None:
    for noise in (0.0, 0.05, 0.2):
        found = search(Fake(usual_speed, noise))
        assert found.plan == USUAL
        assert found.usual == found.best
        assert found.raced == {"repack", "threads", "threads_batch", "n_ubatch", "flash_attention"}


def test_the_best_of_each_setting_is_found_and_both_speeds_are_told() -> None:
    def speed(plan: Plan) -> Speed:
        prefill = {1: 4.0, 2: 2.0, 3: 1.5, 4: 1.0, 8: 0.6}[plan.threads_batch]
        decode = {1: 2.0, 2: 0.5, 3: 1.0, 4: 1.0, 8: 1.5}[plan.threads]
        prefill *= {64: 0.9, 128: 0.7, 256: 0.9, 512: 1.0}[plan.n_ubatch] * (1.0 if plan.repack else 0.5)
        return Speed(0.01 * prefill, 0.02 * decode * (0.8 if plan.flash_attention is False else 1.0))

    for noise in (0.0, 0.03):
        found = search(Fake(speed, noise))
        assert found.plan == replace(
            USUAL, repack=False, threads=2, threads_batch=8, n_ubatch=128, flash_attention=False
        )
        assert found.usual.turn == pytest.approx(speed(USUAL).turn, rel=0.2)
        assert found.best.turn == pytest.approx(speed(found.plan).turn, rel=0.2)


def test_both_ways_of_repacking_are_found() -> None:
    for better in (True, False):
        found = search(Fake(lambda plan, better=better: Speed(0.01, 0.1 if plan.repack == better else 0.13), 0.05))  # type: ignore[misc]
        assert found.plan.repack is better


def test_what_was_asked_for_is_not_tuned() -> None:
    fake = Fake(lambda plan: Speed(0.01, 0.1))
    found = search(fake, wishes=Wishes(threads=3, repack=True, n_ubatch=512))
    assert found.raced == {"flash_attention"}
    assert {(plan.threads, plan.repack, plan.n_ubatch) for plan in fake.tried} == {(3, True, 512)}


def test_only_what_fits_is_tried() -> None:
    fake = Fake(lambda plan: Speed(0.01, 0.1))
    available = 1.3 * GB
    assert not choose(QWEN_1_5B, machine(available)).plan.repack
    search(fake, available=available)
    assert not any(plan.repack and plan.kv_type == "f16" for plan in fake.tried)


def test_a_smaller_cache_is_tried_where_it_makes_room_for_repacking() -> None:
    plan = replace(USUAL, kv_type="q8_0")
    from autoglm_lite.planning.memory import predict

    available = predict(QWEN_1_5B, HERE.features, plan).resident_total / 0.9 + 1
    fake = Fake(lambda plan: Speed(0.01, 0.1 if plan.repack else 0.2))
    found = search(fake, available=available)
    assert (found.plan.repack, found.plan.kv_type) == (True, "q8_0")
    assert {"repack", "kv_type"} <= found.raced


def test_a_death_is_a_loss_and_not_the_end() -> None:
    fake = Fake(lambda plan: Speed(0.01, 0.01 if not plan.repack else 0.1), deadly=lambda plan: not plan.repack)
    found = search(fake)
    assert found.plan.repack
    # It was tried once and no more.
    assert sum(not plan.repack for plan in fake.tried) == 1


def test_a_usual_plan_that_dies_is_an_error() -> None:
    with pytest.raises(WorkerDiedError):
        search(Fake(usual_speed, deadly=lambda plan: True))

    class Refusing(Fake):
        async def measure(self, plan: Plan, number: int) -> Speed:
            raise LoadError("no")

    with pytest.raises(LoadError):
        search(Refusing(usual_speed))


@pytest.mark.parametrize("budget", [1, 5, 20, 60, 200])
def test_the_time_is_kept(budget: float) -> None:
    fake = Fake(usual_speed, 0.1)
    found = search(fake, budget)
    # One round of all threads may be under way when the time ends.
    assert fake.now <= budget + 6 * 3
    assert found.seconds == fake.now
    assert found.plan.repack


def test_with_no_time_nothing_is_decided() -> None:
    found = search(Fake(usual_speed), 1)
    assert (found.plan, found.raced) == (USUAL, frozenset())
    assert found.usual.turn > 0


def test_a_machine_that_is_held_up_all_the_time_decides_nothing() -> None:
    class Stalling(Fake):
        async def measure(self, plan: Plan, number: int) -> Speed:
            speed = await super().measure(plan, number)
            return SLOW if number else speed

    fake = Stalling(usual_speed)
    found = search(fake, 100)
    assert (found.plan, found.raced) == (USUAL, frozenset())
    assert fake.now <= 100 + 18


def test_scatter_tells_of_noise() -> None:
    assert search(Fake(usual_speed)).scatter == pytest.approx(0, abs=1e-9)
    assert search(Fake(usual_speed, 0.3)).scatter > 0.3


def test_the_whole_is_held_against_the_usual() -> None:
    """Two settings that are each better alone and worse together."""

    def speed(plan: Plan) -> Speed:
        a, b = not plan.repack, plan.flash_attention is False
        return Speed(0.01, 0.1 * {0: 1.0, 1: 0.8, 2: 0.7}[a + b] * (1 if len(tries) < 60 else 2 if a and b else 1))

    tries: list[Plan] = []
    fake = Fake(speed)
    tries = fake.tried
    settings_here = [
        Setting("a", (("repack", "turn"),), ({"repack": False},)),
        Setting("b", (("flash_attention", "turn"),), ({"flash_attention": False},)),
    ]

    class Turning(Fake):
        async def measure(self, plan: Plan, number: int) -> Speed:
            return await super().measure(plan, number)

    both = replace(USUAL, repack=False, flash_attention=False)
    said: list[str] = []

    def worse_in_the_end(plan: Plan) -> Speed:
        duel = bool(said) and said[-1].startswith("the winner")
        return Speed(0.01, 0.2 if duel and plan == both else speed(plan).decode)

    fake = Turning(worse_in_the_end)
    run = Search(fake, lambda plan: True, lambda what, left: said.append(what), 1e6, lambda: fake.now)
    found = asyncio.run(run.run(USUAL, settings_here))
    assert found.plan == USUAL
    assert found.best == found.usual


def test_threads_worth_trying() -> None:
    assert thread_numbers(machine(GB, cores=4)) == [1, 2, 3, 4, 8]
    assert thread_numbers(machine(GB, cores=2)) == [1, 2, 4]
    assert thread_numbers(replace(machine(GB, cores=1), logical_cores=1)) == [1]


def test_a_tiny_model_keeps_its_one_thread() -> None:
    tiny = replace(QWEN_1_5B, tensor_bytes=10**7, file_bytes=10**7)
    names = [setting.name for setting in settings(tiny, HERE, Wishes(), choose(tiny, HERE))]
    assert "threads" not in names
