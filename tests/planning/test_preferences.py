"""Preferences: who comes first, what is given up when memory is short, and where the plan says each value is from."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.planning.forecast import forecast
from autoglm_lite.planning.make import Choice, Wishes, choose, notices, sources
from autoglm_lite.planning.memory import compute_bytes, predict
from autoglm_lite.planning.plan import KV_TYPES, Plan, Saving, same_model
from autoglm_lite.planning.preferences import Layer, Measured, Values, filled
from tests.planning.models import GB, QWEN_1_5B, QWEN_TENSORS, card, machine

PLENTY = machine(8 * GB)
TUNED = "tuned on this machine"


def tuned(**values: object) -> Layer:
    return Layer("tuned", TUNED, Values(**values))  # type: ignore[arg-type]


def profile(**values: object) -> Layer:
    return Layer("profile", "profile laptop-4gb", Values(**values), "laptop-4gb")  # type: ignore[arg-type]


def plan(*layers: Layer, available: float = 8 * GB, **asked: object) -> tuple[Plan, dict[str, str]]:
    """And the origin of each value."""
    wishes = Wishes(**asked, layers=layers)  # type: ignore[arg-type]
    found = choose(QWEN_1_5B, machine(available), wishes).plan
    return found, {name: source.origin for name, source in sources(wishes, found).items()}


def test_the_first_that_has_a_value_gives_it() -> None:
    found, origins = plan(tuned(threads=3), profile(threads=1, n_ubatch=256), ctx=1000)
    assert (found.n_ctx, found.threads, found.n_ubatch) == (1000, 3, 256)
    assert origins == {
        "n_ctx": "asked",
        "threads": "tuned",
        "threads_batch": "tuned",
        "n_ubatch": "profile",
        "kv_type": "rule",
        "repack": "rule",
        "flash_attention": "rule",
        "saving": "rule",
    }


def test_every_value_can_be_preferred() -> None:
    saving = Saving(threads=1, nice=10)
    values = {"ctx": 2048, "kv_type": "f32", "threads": 3, "threads_batch": 5, "n_ubatch": 64, "repack": False}
    found, origins = plan(profile(**values, flash_attention=False, saving=saving))
    assert (found.n_ctx, found.kv_type, found.threads, found.threads_batch) == (2048, "f32", 3, 5)
    assert (found.n_ubatch, found.repack, found.flash_attention, found.saving) == (64, False, False, saving)
    assert set(origins.values()) == {"profile"}


def test_the_command_line_comes_first() -> None:
    liked = tuned(ctx=2048, kv_type="f32", threads=3, threads_batch=3, n_ubatch=64, repack=False, flash_attention=False)
    found, origins = plan(liked, ctx=512, kv_type="f16", threads=2, n_ubatch=128, repack=True, flash_attention=True)
    assert (found.n_ctx, found.kv_type, found.threads, found.n_ubatch) == (512, "f16", 2, 128)
    assert (found.repack, found.flash_attention) == (True, True)
    # Who asks for threads means those for prefill, too.
    assert found.threads_batch == 2
    assert {name for name, origin in origins.items() if origin == "asked"} == set(origins) - {"saving"}


def test_a_preference_is_given_up_where_memory_is_short() -> None:
    needed = predict(QWEN_1_5B, PLENTY.features, choose(QWEN_1_5B, PLENTY).plan).resident_total
    liked = tuned(kv_type="f32", n_ubatch=2048, flash_attention=False, repack=True)
    found, origins = plan(liked, available=needed / 0.9 + 1)
    assert (found.kv_type, found.n_ubatch, found.flash_attention, found.repack) == ("f16", 256, None, True)
    assert {origins[name] for name in ("kv_type", "n_ubatch", "flash_attention")} == {"rule"}
    found, origins = plan(liked, available=needed / 0.9 - 1)
    assert (found.repack, origins["repack"]) == (False, "rule")


def test_what_is_asked_for_is_not_given_up() -> None:
    here = machine(0.9 * GB)
    assert choose(QWEN_1_5B, here, Wishes(repack=True)).verdict == "wont-fit"
    asked = choose(QWEN_1_5B, here, Wishes(n_ubatch=2048, flash_attention=False)).plan
    assert (asked.n_ubatch, asked.flash_attention) == (2048, False)


def test_what_does_not_work_together_is_left_out() -> None:
    narrow = replace(QWEN_1_5B, key_length=80, value_length=80)
    wishes = Wishes(layers=(profile(kv_type="q8_0"),))
    assert choose(narrow, PLENTY, wishes).plan.kv_type == "f16"
    # llama.cpp quantises the cache for flash attention alone.
    both = Wishes(layers=(profile(kv_type="q8_0", flash_attention=False),))
    assert choose(QWEN_1_5B, PLENTY, both).plan.flash_attention is None


def test_a_shorter_context_that_is_preferred_is_no_lack_of_memory() -> None:
    wishes = Wishes(layers=(profile(ctx=1024),))
    found = choose(QWEN_1_5B, PLENTY, wishes)
    assert (found.plan.n_ctx, found.verdict) == (1024, "fits")
    assert notices(QWEN_1_5B, PLENTY, wishes, found) == ()


def test_reasons_say_where_a_value_comes_from() -> None:
    layers = (tuned(threads=3, threads_batch=4, repack=False), profile(n_ubatch=256, flash_attention=False))
    reasons = forecast(QWEN_1_5B, PLENTY, Wishes(kv_type="q8_0", layers=layers), 20e9).reasons
    assert "Repacking off: tuned on this machine; nothing is copied." in reasons
    assert "3 threads: tuned on this machine." in reasons
    assert "4 threads for reading prompts: tuned on this machine." in reasons
    assert "Micro-batch of 256 tokens: profile laptop-4gb." in reasons
    assert any(reason.startswith("KV cache of type q8_0: as you asked; half") for reason in reasons)
    # It cannot be off with a quantised cache.
    assert not any(reason.startswith("Flash attention") for reason in reasons)


def test_measured_speeds_are_expected_of_the_plan_they_were_measured_with() -> None:
    values = Values(kv_type="f16", threads=4, threads_batch=4, n_ubatch=256, repack=True)
    layer = Layer("tuned", TUNED, Values(), measured=Measured(values, 123.0, 7.0))
    found = forecast(QWEN_1_5B, PLENTY, Wishes(layers=(layer,)), 20e9).expected
    assert (found.prefill, found.decode) == (123.0, 7.0)
    assert forecast(QWEN_1_5B, PLENTY, Wishes(threads=2, layers=(layer,)), 20e9).expected.decode != 7.0
    with_card = replace(PLENTY, devices=(card(2 * GB),))
    assert forecast(QWEN_TENSORS, with_card, Wishes(layers=(layer,)), 20e9).expected.decode != 7.0


def test_weights_are_loaded_again_only_for_what_they_depend_on() -> None:
    one = Plan("m.gguf", n_ctx=512, threads=1, threads_batch=1)
    other = replace(one, n_ctx=64, threads=2, threads_batch=2, n_ubatch=9, kv_type="q8_0", flash_attention=True)
    assert same_model(one, replace(other, saving=Saving(1, 1)))
    for changed in (replace(one, repack=False), replace(one, gpu_layers=1), replace(one, model_path="n.gguf")):
        assert not same_model(one, changed)


def test_without_flash_attention_every_head_keeps_its_weights() -> None:
    one = Plan("m.gguf", n_ctx=4096, threads=1, threads_batch=1)
    assert compute_bytes(QWEN_1_5B, replace(one, flash_attention=True)) == compute_bytes(QWEN_1_5B, one)
    assert compute_bytes(QWEN_1_5B, replace(one, flash_attention=False)) > compute_bytes(QWEN_1_5B, one)


value_lists = st.builds(
    Values,
    ctx=st.none() | st.integers(1, 40000),
    kv_type=st.none() | st.sampled_from(KV_TYPES),
    threads=st.none() | st.integers(1, 16),
    threads_batch=st.none() | st.integers(1, 16),
    n_ubatch=st.none() | st.integers(1, 4096),
    repack=st.none() | st.booleans(),
    flash_attention=st.none() | st.booleans(),
)
RANKS = ("fits", "tight", "streams", "wont-fit")


def test_threads_are_given_up_where_their_work_space_does_not_fit() -> None:
    least = choose(QWEN_1_5B, machine(0)).plan
    here = machine(predict(QWEN_1_5B, PLENTY.features, least).resident_total)
    assert choose(QWEN_1_5B, here, Wishes(layers=(tuned(threads_batch=64),))).plan == least


@given(st.integers(0, 3 * GB), st.lists(value_lists, max_size=3))
def test_no_preference_makes_a_plan_stop_fitting(available: int, values: list[Values]) -> None:
    here = machine(available)
    layers = tuple(Layer("own", "yours", one) for one in values)

    def rank(choice: Choice) -> int:
        return max(1, RANKS.index(choice.verdict))

    assert rank(choose(QWEN_1_5B, here, Wishes(layers=layers))) <= rank(choose(QWEN_1_5B, here))


@given(st.lists(value_lists, max_size=3))
def test_each_value_is_from_the_first_layer_that_has_it(values: list[Values]) -> None:
    merged = filled(Layer("own", "", one) for one in values)
    for name in ("ctx", "kv_type", "threads", "n_ubatch", "repack", "flash_attention"):
        assert getattr(merged, name) == next((v for one in values if (v := getattr(one, name)) is not None), None)


@pytest.mark.parametrize("threads", [None, 2])
def test_threads_for_prefill_can_be_asked_for_alone(threads: int | None) -> None:
    found, _ = plan(tuned(threads=3, threads_batch=3), threads=threads, threads_batch=7)
    assert (found.threads, found.threads_batch) == (threads or 3, 7)
