"""Forecasts: the verdict, the reasons for each choice, the speed that is known, and suggestions that hold."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.errors import UsageError, WillNotFitError
from autoglm_lite.hardware import Machine
from autoglm_lite.planning.forecast import Forecast, forecast
from autoglm_lite.planning.make import Wishes, choose, decide
from autoglm_lite.planning.plan import KV_TYPES
from autoglm_lite.planning.suggestions import scaled
from tests.planning.models import GB, QWEN_1_5B, machine

PLENTY = machine(8 * GB)
BANDWIDTH = 20e9


def of(machine: Machine, wishes: Wishes | None = None, bandwidth: float | None = BANDWIDTH) -> Forecast:
    return forecast(QWEN_1_5B, machine, wishes or Wishes(), bandwidth)


def test_a_model_with_room_to_spare() -> None:
    found = of(PLENTY)
    assert found.choice.verdict == "fits"
    assert found.choice.available == PLENTY.memory_available
    assert found.suggestions == ()
    assert [reason.partition(":")[0] for reason in found.reasons] == [
        "Context of 4,096 tokens",
        "KV cache of type f16",
        "Weights mapped from the file",
        "Repacking on",
        "4 threads",
        "Micro-batch of 256 tokens",
        "No layers on a graphics card",
    ]


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        (Wishes(ctx=1000), "Context of 1,000 tokens: as you asked."),
        (Wishes(kv_type="q8_0"), "KV cache of type q8_0: as you asked; half as large"),
        (Wishes(threads=1), "1 thread: as you asked."),
        (Wishes(gpu_layers=0), "No layers on a graphics card: as you asked."),
        (Wishes(gpu_layers=3), "No layers on a graphics card: llama.cpp as it is installed here knows none."),
    ],
)
def test_what_was_asked_for_is_said_to_be(wishes: Wishes, words: str) -> None:
    assert any(reason.startswith(words) for reason in of(PLENTY, wishes).reasons)


def test_what_was_given_up_is_named_and_the_verdict_is_tight() -> None:
    needed = of(PLENTY).choice.predicted.resident_total
    assert of(machine(needed + 1)).choice.verdict == "tight"
    short = of(machine(1.2 * GB))
    assert (short.choice.verdict, short.choice.plan.repack) == ("tight", False)
    assert any("copy of 553 MB of weights could not be dropped" in reason for reason in short.reasons)
    assert any("since memory is short" in reason for reason in short.reasons)
    # Where nothing can be repacked, nothing was given up.
    plain = machine(1.6 * GB, features=frozenset({"sse4.2"}))
    assert forecast(QWEN_1_5B, plain, Wishes()).choice.verdict == "fits"


def test_a_tiny_model_runs_on_one_thread() -> None:
    tiny = replace(QWEN_1_5B, file_bytes=10**7, tensor_bytes=10**7, token_bytes=10**7, matrix_bytes={})
    found = forecast(tiny, PLENTY, Wishes(), BANDWIDTH)
    assert any(reason.startswith("1 thread: the model is so small") for reason in found.reasons)
    assert (found.expected.prefill, found.expected.decode) == (None, None)


def test_decode_reads_all_weights_of_a_token_from_memory() -> None:
    fast = of(PLENTY).expected
    assert fast.decode == pytest.approx(0.9 * BANDWIDTH / QWEN_1_5B.token_bytes)
    assert any("20.0 GB/s measured" in why for why in fast.why)


def test_decode_is_no_faster_than_the_cores_compute() -> None:
    fast = of(machine(8 * GB, cores=2)).expected
    assert fast.decode == pytest.approx(2 * 7e9 / QWEN_1_5B.token_bytes)
    assert any("7 GB/s that a slow core" in why for why in fast.why)
    plain = of(machine(1.25 * GB, cores=2)).expected
    assert plain.decode == pytest.approx(2 * 4e9 / QWEN_1_5B.token_bytes)
    assert of(machine(8 * GB, cores=2), Wishes(threads=64)).expected.decode == fast.decode


def test_prefill_is_a_cautious_rule() -> None:
    prefill = of(PLENTY).expected.prefill
    assert prefill is not None
    assert prefill == pytest.approx(4 * 30e9 / (2 * QWEN_1_5B.n_params))
    assert of(machine(8 * GB, cores=2)).expected.prefill == pytest.approx(prefill / 2)
    # More threads than cores compute no faster.
    assert of(PLENTY, Wishes(threads=64)).expected.prefill == prefill


def test_speed_that_is_not_known_is_not_invented() -> None:
    assert of(PLENTY, bandwidth=None).expected.decode is None
    assert of(machine(8 * GB, features=frozenset({"sse4.2"}))).expected.prefill is None
    assert of(PLENTY, Wishes(kv_type="q8_0")).expected.prefill is None
    for found in (of(machine(1.0 * GB)), of(machine(0.5 * GB))):
        assert (found.expected.prefill, found.expected.decode) == (None, None)
        assert found.expected.why[0].startswith("Speed unknown: ")


def options(command: str) -> Wishes:
    """The wishes in the command of a suggestion."""
    words = shlex.split(command)
    assert words[:3] == ["autoglm-lite", "chat", str(QWEN_1_5B.path)]
    given = dict(zip(words[3::2], words[4::2], strict=True))
    number = {name: int(value) for name, value in given.items() if name != "--kv-type"}
    kv_type = next((kind for kind in KV_TYPES if kind == given.get("--kv-type")), None)
    return Wishes(number.get("--ctx"), number.get("--threads"), kv_type, memory=number.get("--memory"))


def test_the_longest_context_that_fits_is_suggested() -> None:
    here, wishes = machine(1.5 * GB), Wishes(ctx=32768, threads=3)
    found = of(here, wishes)
    assert found.choice.verdict == "wont-fit"
    shorter = options(found.suggestions[0].command or "")
    assert shorter.ctx is not None
    assert (shorter.threads, shorter.kv_type) == (3, None)
    assert choose(QWEN_1_5B, here, shorter).fits
    assert not choose(QWEN_1_5B, here, replace(shorter, ctx=shorter.ctx + 256)).fits


def test_a_smaller_cache_is_suggested_where_it_suffices() -> None:
    here, wishes = machine(1.75 * GB), Wishes(ctx=32768)
    commands = [suggestion.command for suggestion in of(here, wishes).suggestions]
    assert f"autoglm-lite chat {QWEN_1_5B.path} --ctx 32768 --kv-type q8_0" in commands
    assert choose(QWEN_1_5B, here, replace(wishes, kv_type="q8_0")).fits


def test_a_smaller_type_is_suggested_by_the_size_of_its_file() -> None:
    here = machine(0.9 * GB)
    found = of(here)
    (smaller,) = (s for s in found.suggestions if (s.command or "").startswith("autoglm-lite convert CHECKPOINT"))
    n_bytes = int(shlex.split(smaller.command or "")[-1].removesuffix("MB")) * 10**6
    assert "about as Q3_K_M is" in smaller.what
    assert choose(scaled(QWEN_1_5B, n_bytes), here).fits
    # Not where the model would lose its mind.
    assert not any("convert" in (s.command or "") for s in of(machine(0.5 * GB)).suggestions)


def test_a_16_bit_file_is_its_own_source() -> None:
    large = replace(scaled(QWEN_1_5B, 3 * GB), file_type="BF16")
    commands = [s.command or "" for s in forecast(large, machine(2.5 * GB), Wishes()).suggestions]
    assert any(command.startswith(f"autoglm-lite convert {large.path} --fit ") for command in commands)


def test_memory_that_others_hold_or_the_user_withholds() -> None:
    assert any(s.what.startswith("Close other programs that hold") for s in of(machine(1 * GB)).suggestions)
    withheld = of(PLENTY, Wishes(memory=GB))
    (allow,) = (s for s in withheld.suggestions if s.what.startswith("Allow "))
    assert choose(QWEN_1_5B, PLENTY, options(allow.command or "")).fits
    small = replace(machine(0.5 * GB), memory_total=GB)
    assert not any("Close" in s.what for s in of(small).suggestions)


def test_the_largest_stored_model_that_fits() -> None:
    here = machine(0.7 * GB)
    stored = [replace(scaled(QWEN_1_5B, size * 10**6), path=Path(f"{size}.gguf")) for size in (100, 300, 900)]
    found = forecast(QWEN_1_5B, here, Wishes(), None, [QWEN_1_5B, *stored])
    assert found.suggestions[-1].command == "autoglm-lite chat 300.gguf"


def test_wishes_that_make_no_sense() -> None:
    with pytest.raises(UsageError, match="--ctx 0"):
        of(PLENTY, Wishes(ctx=0))


@given(
    st.integers(0, 3 * GB),
    st.builds(Wishes, ctx=st.none() | st.integers(1, 32768), kv_type=st.none() | st.sampled_from(KV_TYPES)),
)
def test_a_forecast_says_what_a_plan_does_and_its_suggestions_hold(available: int, wishes: Wishes) -> None:
    here = machine(available)
    found = of(here, wishes)
    try:
        choice = decide(QWEN_1_5B, here, wishes)
    except WillNotFitError:
        assert found.choice.verdict == "wont-fit"
    else:
        assert found.choice == choice
    assert found.choice.fits == (found.choice.predicted.resident_total <= available)
    assert not (found.choice.fits and found.suggestions)
    for suggestion in found.suggestions:
        if suggestion.command and suggestion.command.startswith("autoglm-lite chat"):
            assert choose(QWEN_1_5B, here, options(suggestion.command)).fits
