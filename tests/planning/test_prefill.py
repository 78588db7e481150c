"""The micro-batch follows the machine's speed."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.planning.make import choose
from autoglm_lite.planning.prefill import UBATCHES, usual_ubatch
from tests.planning.models import GB, QWEN_1_5B, QWEN_TENSORS, card, machine


def test_a_slow_machine_takes_fewer_tokens_at_once() -> None:
    seven = replace(QWEN_1_5B, n_params=7_600_000_000)
    fast, slow = machine(8 * GB), machine(8 * GB, cores=2, features=frozenset({"sse4.2"}))
    assert usual_ubatch(QWEN_1_5B, fast, 4, "f16") == 256
    assert usual_ubatch(QWEN_1_5B, fast, 4, "q8_0") == 128
    assert usual_ubatch(seven, fast, 4, "f16") == 64
    assert usual_ubatch(QWEN_1_5B, slow, 2, "f16") == 64
    assert usual_ubatch(seven, slow, 2, "f16") == UBATCHES[-1]
    # A card is faster than any rule for processors, one without room for a layer changes nothing.
    assert choose(QWEN_TENSORS, replace(fast, devices=(card(2 * GB),))).plan.n_ubatch == 512
    assert choose(QWEN_TENSORS, replace(fast, devices=(card(0.1 * GB),))).plan.n_ubatch == 256


@given(st.integers(1, 64), st.integers(1, 64), st.integers(10**8, 10**11))
def test_more_threads_never_take_fewer_tokens(one: int, other: int, n_params: int) -> None:
    facts, here = replace(QWEN_1_5B, n_params=n_params), machine(8 * GB, cores=64)
    few, many = (usual_ubatch(facts, here, n, "f16") for n in sorted((one, other)))
    assert few <= many
