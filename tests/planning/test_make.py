"""Plans: what is given up first when memory is short, what is refused, and in which words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.errors import UsageError, WillNotFitError
from autoglm_lite.gguf import ModelFacts
from autoglm_lite.hardware import Machine
from autoglm_lite.planning.make import CTX_STEPS, Wishes, choose, decide, notices
from autoglm_lite.planning.memory import Sizes, predict
from autoglm_lite.planning.plan import KV_TYPES, Plan
from tests.planning.models import GB, QWEN_1_5B, machine

PLENTY = machine(8 * GB)


def make_plan(facts: ModelFacts, machine: Machine, wishes: Wishes | None = None) -> Plan:
    return decide(facts, machine, wishes or Wishes()).plan


def needed(plan: Plan) -> int:
    return predict(QWEN_1_5B, PLENTY.features, plan).resident_total


def test_with_plenty_of_memory() -> None:
    plan = make_plan(QWEN_1_5B, PLENTY)
    assert plan == Plan(str(QWEN_1_5B.path), n_ctx=4096, threads=4, threads_batch=4, n_ubatch=256)
    assert notices(QWEN_1_5B, PLENTY, Wishes(), decide(QWEN_1_5B, PLENTY)) == ()


def test_a_short_trained_context_is_the_limit() -> None:
    assert make_plan(replace(QWEN_1_5B, n_ctx_train=300), PLENTY).n_ctx == 300


def test_wishes_are_kept() -> None:
    wishes = Wishes(ctx=1000, threads=3, kv_type="q8_0")
    plan = make_plan(QWEN_1_5B, PLENTY, wishes)
    assert (plan.n_ctx, plan.threads, plan.threads_batch) == (1000, 3, 3)
    assert plan.kv_type == "q8_0"


def test_repacking_is_given_up_first_then_the_length_of_the_context() -> None:
    best = make_plan(QWEN_1_5B, PLENTY)
    assert make_plan(QWEN_1_5B, machine(needed(best) / 0.9 + 1)) == best
    tight = make_plan(QWEN_1_5B, machine(needed(best) / 0.9 - 1))
    assert (tight.n_ctx, tight.repack) == (4096, False)
    less = machine(needed(tight) - 1)
    shorter = make_plan(QWEN_1_5B, less)
    assert (shorter.n_ctx, shorter.repack) == (3072, False)
    (notice,) = notices(QWEN_1_5B, less, Wishes(), decide(QWEN_1_5B, less))
    assert "3,072 tokens" in notice


def test_a_context_that_was_asked_for_is_not_shortened() -> None:
    wishes = Wishes(ctx=32768)
    assert make_plan(QWEN_1_5B, PLENTY, wishes).n_ctx == 32768
    with pytest.raises(WillNotFitError, match=r"1.5 GB are free: use --ctx 4096, or close other programs"):
        make_plan(QWEN_1_5B, machine(1.5 * GB), wishes)


def test_a_file_most_of_which_fits_streams() -> None:
    small = machine(1.0 * GB)
    plan = make_plan(QWEN_1_5B, small)
    assert (plan.n_ctx, plan.repack) == (min(CTX_STEPS), False)
    choice = decide(QWEN_1_5B, small)
    assert choice.verdict == "streams"
    assert any("read from the disk all the time" in notice for notice in notices(QWEN_1_5B, small, Wishes(), choice))


def test_a_file_larger_than_memory_is_refused_unless_more_is_allowed() -> None:
    tiny = machine(0.7 * GB)
    with pytest.raises(WillNotFitError) as caught:
        make_plan(QWEN_1_5B, tiny)
    message = str(caught.value)
    assert "Qwen2.5 1.5B needs about 1.1 GB of memory and 700 MB are free" in message
    assert "a file of at most" in message
    assert make_plan(QWEN_1_5B, tiny, Wishes(memory=2 * GB)).n_ctx == 4096


def test_what_is_said_to_fit_fits() -> None:
    tiny = machine(0.7 * GB)
    with pytest.raises(WillNotFitError, match=r"at most (\d+) MB would fit") as caught:
        make_plan(QWEN_1_5B, tiny)
    size = int(str(caught.value).partition("at most ")[2].split()[0]) * 10**6
    make_plan(replace(QWEN_1_5B, file_bytes=size, tensor_bytes=size), tiny)


def test_an_allowance_below_what_is_free_counts() -> None:
    with pytest.raises(WillNotFitError, match="500 MB are allowed"):
        make_plan(QWEN_1_5B, PLENTY, Wishes(memory=GB // 2))


def test_layers_cannot_be_on_a_card_that_is_not_there() -> None:
    assert make_plan(QWEN_1_5B, PLENTY, Wishes(gpu_layers=99)) == make_plan(QWEN_1_5B, PLENTY)


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        (Wishes(ctx=0), "--ctx 0 makes no sense"),
        (Wishes(ctx=-5), "--ctx -5 makes no sense"),
        (Wishes(ctx=40000), "use --ctx 32768 or less"),
        (Wishes(threads=0), "--threads 0"),
        (Wishes(threads=513), "--threads 513"),
        (Wishes(gpu_layers=-1), "--gpu-layers -1"),
        (Wishes(memory=0), "--memory"),
        (Wishes(vram=0), "--vram"),
        (Wishes(kv_type="q3"), "--kv-type q3"),  # type: ignore[arg-type]
    ],
)
def test_wishes_that_make_no_sense(wishes: Wishes, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        make_plan(QWEN_1_5B, PLENTY, wishes)


def test_quantised_keys_need_heads_of_whole_blocks() -> None:
    with pytest.raises(UsageError, match="q8_0 does not work"):
        make_plan(replace(QWEN_1_5B, key_length=80), PLENTY, Wishes(kv_type="q8_0"))


some_wishes = st.builds(
    Wishes,
    ctx=st.none() | st.integers(1, 32768),
    threads=st.none() | st.integers(1, 8),
    kv_type=st.none() | st.sampled_from(KV_TYPES),
)
some_bytes = st.integers(0, 6 * GB)


@given(some_bytes, some_bytes, some_wishes)
def test_more_memory_never_gives_less(one: int, other: int, wishes: Wishes) -> None:
    less, more = sorted((one, other))
    try:
        short = make_plan(QWEN_1_5B, machine(less), wishes)
    except WillNotFitError:
        return
    long = make_plan(QWEN_1_5B, machine(more), wishes)
    assert (long.n_ctx, long.repack) >= (short.n_ctx, short.repack)


@given(some_bytes, some_wishes)
def test_a_plan_that_fits_needs_no_more_than_there_is(available: int, wishes: Wishes) -> None:
    here = machine(available)
    try:
        choice = decide(QWEN_1_5B, here, wishes)
    except WillNotFitError:
        smallest = replace(make_plan(QWEN_1_5B, PLENTY, replace(wishes, ctx=wishes.ctx or 512)), repack=False)
        assert needed(smallest) > available
        return
    plan, predicted = choice.plan, choice.predicted
    if choice.fits:
        assert predicted.resident_total <= available
    else:
        assert predicted.mapped + predicted.anonymous > available >= predicted.anonymous + predicted.mapped // 2
        assert not plan.repack


def test_llama_cpp_is_asked_only_where_memory_is_short() -> None:
    asked: list[Plan] = []

    def more(plan: Plan) -> Sizes:
        asked.append(plan)
        return Sizes(repacked=0, kv=0, compute=GB, devices={})

    assert decide(QWEN_1_5B, PLENTY, exact=more).plan.n_ctx == 4096
    assert asked == []
    # By the formulas 4096 tokens would fit; llama.cpp says that no plan does.
    with pytest.raises(WillNotFitError):
        decide(QWEN_1_5B, machine(1.3 * GB), exact=more)
    # What it said of one plan is believed of the others, but for the last, which decides.
    assert [(plan.n_ctx, plan.repack) for plan in asked] == [(4096, True), (4096, False), (512, False)]
    assert choose(QWEN_1_5B, machine(8 * GB), exact=more).predicted.compute >= GB
    assert choose(QWEN_1_5B, machine(8 * GB), exact=lambda plan: None) == choose(QWEN_1_5B, machine(8 * GB))
