"""What an idle model gives back: laws for all machines, and the course of an afternoon on a small laptop."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.hardware.pressure import Pressure
from autoglm_lite.planning.idling import PATIENCE, PLENTY, SECONDS_TO_CONTEXT, SENTENCES, give_back
from autoglm_lite.planning.shedding import Held, Step

GB, MB, MINUTE = 10**9, 10**6, 60.0
TOTAL = 4 * GB
HELD = Held(200 * MB, 1200 * MB, 0.0)


def machine(available: int | None, total: int | None = TOTAL) -> Pressure:
    return Pressure(0.0, 0.0, 0.0, 0, total, available, available)


def afternoon(now: Pressure, load_seconds: float, unload_after: float | None = None) -> list[tuple[float, Step]]:
    """The steps of five hours without a question, looked at twice a minute, with the minutes after which each came."""
    held, found = HELD, []
    for i in range(600):
        step = give_back(now, replace(held, seconds_idle=30.0 * i), load_seconds, unload_after)
        if step != "nothing":
            found.append((i / 2, step))
        if step == "model":
            break
        if step == "context":
            held = replace(held, context=0)
    return found


def test_on_a_small_laptop_the_context_goes_soon_and_the_model_when_it_pays() -> None:
    short = machine(GB)
    assert afternoon(short, load_seconds=5) == [(5, "context"), (15, "model")]
    assert afternoon(short, load_seconds=25) == [(5, "context"), (25, "model")]


def test_with_plenty_nothing_goes_but_for_a_time_that_was_set() -> None:
    assert afternoon(machine(int(PLENTY * TOTAL)), 5) == []
    assert afternoon(machine(None), 5) == afternoon(machine(GB, None), 5) == []
    assert afternoon(machine(4 * GB), 5, unload_after=600) == [(10, "model")]
    assert afternoon(machine(GB), 5, unload_after=600) == [(10, "model")]
    assert afternoon(machine(None, None), 5, unload_after=0) == [(0, "model")]
    assert afternoon(machine(0), 5, unload_after=math.inf) == []


@given(
    st.integers(0, TOTAL),
    st.integers(0, GB),
    st.integers(0, 3 * GB),
    st.none() | st.floats(0, 1e5),
    st.floats(0, 1e3),
)
def test_the_laws(available: int, context: int, model: int, idle: float | None, load_seconds: float) -> None:
    now, held = machine(available), Held(context, model, idle)
    step = give_back(now, held, load_seconds)
    if step == "nothing":
        return
    assert idle is not None
    assert idle >= SECONDS_TO_CONTEXT
    assert available < PLENTY * TOTAL
    assert (context if step == "context" else context + model) >= 0.01 * TOTAL
    assert step == "context" or load_seconds <= idle / PATIENCE
    # Once it would go, it goes also later and with less memory left.
    assert give_back(machine(available // 2), replace(held, seconds_idle=2 * idle), load_seconds) != "nothing"


def test_the_sentences_tell_what_was_freed() -> None:
    assert all(sentence.format(freed="1 GB").count("1 GB") == 1 for sentence in SENTENCES.values())
