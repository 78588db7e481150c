"""Which type of a model is the best for a machine, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from autoglm_lite.planning.make import choose
from autoglm_lite.planning.retyped import retyped
from autoglm_lite.store.choosing import Candidate
from autoglm_lite.store.hub.repository import HubFile
from autoglm_lite.store.preferring import MOST_BITS, Judged, best, bits, remark, why
from tests.planning.models import GB, MB, QWEN_TENSORS, machine

SIZES = {
    "Q2_K": 676,
    "Q3_K_M": 824,
    "IQ4_XS": 890,
    "Q4_0": 935,
    "Q4_K_M": 986,
    "Q5_K_M": 1125,
    "Q6_K": 1272,
    "Q8_0": 1647,
    "F16": 3093,
}
"""MB of the files of Qwen2.5 1.5B Instruct."""


def judged(free: float, bandwidth: float | None = 12 * GB, sizes: Mapping[str, int] = SIZES) -> list[Judged]:
    """On a machine with `free` bytes of memory that reads `bandwidth` bytes a second of it."""
    found = []
    for name, size in sizes.items():
        candidate = Candidate((HubFile(f"m-{name}.gguf", size * MB, None),), name, size * MB, f"m-{name}")
        choice = choose(retyped(QWEN_TENSORS, size * MB, name), machine(free))
        decode = bandwidth and bandwidth / (size * MB)
        found.append(Judged(candidate, choice, decode, bits(name, size * MB, QWEN_TENSORS.n_params)))
    return found


def chosen(free: float, bandwidth: float | None = 12 * GB, sizes: Mapping[str, int] = SIZES) -> tuple[str, str]:
    there = judged(free, bandwidth, sizes)
    one = best(there)
    return ("", "") if one is None else (one.candidate.type, why(one, there))


def test_the_usual_type_is_taken_where_others_would_be_slow_or_take_most_of_the_memory() -> None:
    usual = "the usual choice; better types would write slowly here, or leave other programs little memory"
    assert chosen(8 * GB, bandwidth=7 * GB) == ("Q4_K_M", usual)
    assert chosen(1.6 * GB, bandwidth=50 * GB) == ("Q4_K_M", usual)
    assert chosen(8 * GB, bandwidth=None) == ("Q4_K_M", usual)


def test_a_better_one_is_taken_where_memory_and_speed_allow() -> None:
    assert chosen(8 * GB, bandwidth=50 * GB) == ("Q8_0", "better than the usual types, as memory and speed allow")
    assert chosen(8 * GB, bandwidth=13 * GB)[0] == "Q6_K"
    assert chosen(2.5 * GB, bandwidth=50 * GB)[0] == "Q5_K_M"


def test_where_memory_is_short_the_best_that_fits() -> None:
    assert chosen(1.15 * GB) == ("IQ4_XS", "the best that fits into the 1.1 GB of memory that are free")
    # It would fit with a context of 512 tokens.
    assert chosen(1.02 * GB)[0] == "Q3_K_M"
    assert chosen(0.9 * GB)[0] == "Q2_K"
    assert chosen(0.5 * GB) == ("", "")


def test_where_there_are_only_large_ones_the_smallest() -> None:
    only = {"Q8_0": 1647, "F16": 3093}
    assert chosen(8 * GB, sizes=only) == ("Q8_0", "the smallest there")
    assert chosen(8 * GB, sizes={"F16": 3093}) == ("F16", "the only one there")


def test_types_of_2023_are_worth_less_than_their_bits_and_plain_names_come_first() -> None:
    assert chosen(8 * GB, sizes={"Q4_1": 1020, "Q4_K_S": 940})[0] == "Q4_K_S"
    assert chosen(8 * GB, sizes={"Q4_K_L": 1040, "Q4_K_M": 986, "UD-Q4_K_XL": 1010})[0] == "Q4_K_M"


def test_few_bits_and_too_many_are_remarked_on() -> None:
    there = judged(8 * GB)
    said = {one.candidate.type: remark(one, there) for one in there}
    assert [name for name, text in said.items() if text is None] == [
        "IQ4_XS",
        "Q4_0",
        "Q4_K_M",
        "Q5_K_M",
        "Q6_K",
        "Q8_0",
    ]
    assert said["Q2_K"] == ("With 2.6 bits for most weights it answers much worse: a smaller model in Q4_K_M is wiser.")
    assert said["Q3_K_M"] == "With 3.4 bits for most weights it answers somewhat worse than the usual types do."
    assert said["F16"] == "Q8_0, 1.6 GB, would answer as well, faster and with less memory."


@given(st.floats(0.3, 12), st.none() | st.floats(1, 100), st.sets(st.sampled_from(sorted(SIZES)), min_size=1))
@settings(max_examples=40)
def test_what_is_taken_fits_and_no_better_one_leaves_more(free: float, speed: float | None, names: set[str]) -> None:
    there = judged(free * GB, speed and speed * GB, {name: SIZES[name] for name in names})
    one = best(there)
    assert (one is None) == (not any(other.choice.fits for other in there))
    if one is not None:
        assert one.choice.fits
        assert why(one, there)
        # No better one is easy, and 16 bits come only where there is nothing else.
        assert not any(other.easy and one.worth < other.worth and other.bits <= MOST_BITS for other in there)
        assert one.bits <= MOST_BITS or not any(other.choice.fits and other.bits <= MOST_BITS for other in there)
