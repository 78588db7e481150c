"""What is given back when memory is short: laws that hold for every course of events, and the usual ones by name."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.hardware.pressure import Pressure
from autoglm_lite.planning.shedding import LAST, LITTLE, SECONDS_CALM, SENTENCES, Course, Held, Step, decide

GB = 10**9
MB = 10**6
TOTAL = 4 * GB
HELD = Held(400 * MB, 300 * MB, 0.0)


def reading(available: int, some: float | None = 0.0, *, swap: int = 0, faults: int | None = None) -> Pressure:
    return Pressure(some, some, None, faults, TOTAL, available, available + swap)


class Life:
    """A worker that does as it is told, looked at every two seconds; `asked` makes its context again."""

    def __init__(self, held: Held = HELD, seconds: float = 2.0) -> None:
        self.full = self.held = held
        self.seconds = seconds
        self.course = Course()
        self.before: Pressure | None = None
        self.steps: list[Step] = []

    def look(self, now: Pressure, *, busy: bool = False, asked: bool = False) -> Step:
        idle = None if busy else 0.0 if asked else (self.held.seconds_idle or 0.0) + self.seconds
        self.held = replace(self.full if busy or asked else self.held, seconds_idle=idle)
        self.course, step = decide(self.course, self.before, now, self.seconds, self.held)
        self.before = now
        self.steps.append(step)
        if step == "context":
            self.held = replace(self.held, context=0)
        if step == "model":
            # The watch of a model begins anew when it is loaded again.
            self.held, self.course = replace(self.held, context=0, model=0), Course()
        return step

    def look_often(self, seconds: float, now: Pressure) -> list[tuple[float, Step]]:
        """The steps other than nothing, and after how many seconds each came."""
        found = [(i * self.seconds, self.look(now)) for i in range(round(seconds / self.seconds))]
        return [(at, step) for at, step in found if step != "nothing"]


readings = st.builds(
    reading,
    st.integers(0, TOTAL),
    st.none() | st.floats(0, 100),
    swap=st.integers(0, TOTAL),
    faults=st.none() | st.integers(0, 10**6),
)
looks = st.lists(
    st.tuples(readings, st.sampled_from(["idle", "idle", "busy", "asked"]), st.integers(1, 40)), max_size=8
)
"""A reading, what the model does, and how many times in a row."""
sizes = st.integers(0, GB)


@given(looks, sizes, sizes, st.floats(0.5, 30))
def test_the_laws(events: list[tuple[Pressure, str, int]], context: int, model: int, seconds: float) -> None:
    life = Life(Held(context, model, 0.0), seconds)
    given_back: list[Step] = []
    """Since the last loading, without a calm after it."""
    for now, what in [event[:2] for event in events for _ in range(event[2])]:
        held = life.held
        if what != "idle" and given_back[-1:] == ["model"]:
            given_back.clear()
        step = life.look(now, busy=what == "busy", asked=what == "asked")
        if life.course.seconds_calm >= SECONDS_CALM and given_back == ["context"]:
            given_back.clear()
        if step == "nothing":
            continue
        assert what == "idle"
        assert now.memory_available is not None
        assert now.memory_available < LITTLE[0] * TOTAL
        # The cheap one first, and neither twice in a row.
        assert step == ("context" if held.context >= 0.01 * TOTAL and not given_back else "model")
        assert step not in given_back
        given_back.append(step)


@given(st.integers(int(LITTLE[0] * TOTAL), TOTAL), st.none() | st.floats(0, 100), st.integers(0, 10**6))
def test_with_ample_memory_nothing_is_given_back(available: int, some: float | None, faults: int) -> None:
    life = Life()
    for i in range(60):
        assert life.look(reading(available, some, faults=faults * i)) == "nothing"


@given(readings)
def test_a_model_at_work_is_left_alone(now: Pressure) -> None:
    life = Life()
    for _ in range(60):
        assert life.look(now, busy=True) == "nothing"


def test_programs_that_wait_for_memory_get_the_context_and_later_the_model() -> None:
    life = Life()
    life.look(reading(GB), busy=True)
    assert life.look_often(120, reading(400 * MB, 30.0)) == [(18.0, "context"), (58.0, "model")]


def test_a_shortage_that_the_context_ends_costs_no_more() -> None:
    life = Life()
    life.look(reading(GB), busy=True)
    assert life.look_often(30, reading(400 * MB, 30.0)) == [(18.0, "context")]
    assert life.look_often(600, reading(800 * MB, 1.0)) == []


def test_running_out_is_answered_at_once() -> None:
    life = Life()
    life.look(reading(GB), busy=True)
    life.look_often(60, reading(GB))
    assert life.look_often(30, reading(200 * MB)) == [(2.0, "context"), (6.0, "model")]


def test_swap_that_is_left_keeps_off_the_end() -> None:
    life = Life()
    life.look(reading(GB, swap=2 * GB), busy=True)
    assert life.look_often(60, reading(200 * MB, swap=2 * GB)) == []


def test_memory_that_the_model_took_itself_is_no_shortage() -> None:
    life = Life()
    life.look(reading(150 * MB), busy=True)
    assert life.look_often(600, reading(150 * MB)) == []
    assert life.look_often(30, reading(60 * MB)) == [(2.0, "context"), (6.0, "model")]


def test_one_moment_is_not_enough() -> None:
    life = Life()
    life.look(reading(GB), busy=True)
    for _ in range(100):
        assert life.look(reading(400 * MB, 50.0)) == "nothing"
        assert life.look(reading(400 * MB, 3.0)) == "nothing"


def test_a_context_that_was_asked_back_is_not_taken_again_in_the_same_shortage() -> None:
    short = reading(400 * MB, 30.0)
    life = Life()
    life.look(reading(GB), busy=True)
    assert life.look_often(30, short) == [(18.0, "context")]
    life.look(short, busy=True)
    assert life.look_often(120, short) == [(58.0, "model")]
    again = Life()
    again.look(reading(GB), busy=True)
    assert again.look_often(30, short) == [(18.0, "context")]
    assert again.look_often(SECONDS_CALM, reading(2 * GB)) == []
    again.look(short, busy=True)
    assert again.look_often(30, short) == [(18.0, "context")]


def test_where_the_kernel_does_not_tell_of_waiting_pages_read_from_disk_do() -> None:
    life = Life()
    life.look(reading(GB, None, faults=0), busy=True)
    steps = [life.look(reading(400 * MB, None, faults=1000 * i)) for i in range(15)]
    assert [step for step in steps if step != "nothing"] == ["context"]
    quiet = Life()
    quiet.look(reading(GB, None, faults=0), busy=True)
    assert [quiet.look(reading(400 * MB, None, faults=30 * i)) for i in range(60)] == ["nothing"] * 60


def test_what_is_too_little_to_help_is_kept() -> None:
    life = Life(Held(5 * MB, 10 * MB, 0.0))
    life.look(reading(GB), busy=True)
    assert life.look_often(300, reading(100 * MB, 80.0)) == []
    life = Life(Held(5 * MB, 100 * MB, 0.0))
    life.look(reading(GB), busy=True)
    assert life.look_often(300, reading(100 * MB, 80.0)) == [(18.0, "model")]


def test_a_machine_that_tells_nothing_is_left_alone() -> None:
    life = Life()
    assert [life.look(Pressure(90.0, 90.0, None, None)) for _ in range(60)] == ["nothing"] * 60


def test_the_lines_lie_in_order() -> None:
    assert LAST < LITTLE
    assert all(sentence.format(freed="1 GB").count("1 GB") == 1 for sentence in SENTENCES.values())
