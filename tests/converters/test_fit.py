"""`--fit`: a choice of types within a size, and better than the fixed mixture of that size."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from checkpoints import STORIES, make
from converting import convert
from hypothesis import given, settings
from hypothesis import strategies as st

from autoglm_lite.cli import main
from autoglm_lite.commands.fit import fitted_table, runs_here
from autoglm_lite.engine.evaluation import evaluate
from autoglm_lite.errors import ConversionError
from converters.conversion import Conversion, Resources, draft_of, write_conversion
from converters.fit import Item, Option, choose, fitted, samples
from converters.fitting import plan_fit
from converters.rows import Computed, Stacked
from converters.tensors import OutputTensor
from converters.types import F16, F32, TENSOR_TYPES, file_type
from converters.wishes import Wishes

STARTER = Path(__file__).parents[2] / "autoglm_lite" / "data" / "starter.gguf"
TEXT = Path(__file__).parents[2] / "starter" / "text" / "en_talk.txt"

NAMES = list(TENSOR_TYPES)
ITEMS = st.lists(
    st.lists(st.tuples(st.integers(1, 40), st.floats(0, 10)), min_size=1, max_size=3, unique_by=lambda one: one[0]),
    min_size=1,
    max_size=4,
)


def items_of(drawn: list[list[tuple[int, float]]]) -> list[Item]:
    """Items whose bigger options lose less, as measured ones do."""
    found = []
    for number, options in enumerate(drawn):
        sizes, losses = sorted(size for size, _ in options), sorted((loss for _, loss in options), reverse=True)
        made = tuple(
            Option(TENSOR_TYPES[NAMES[place]], 32 * size, loss)
            for place, (size, loss) in enumerate(zip(sizes, losses, strict=True))
        )
        found.append(Item(f"blk.{number}.x.weight", made))
    return found


@settings(max_examples=200, deadline=None)
@given(drawn=ITEMS, extra=st.integers(0, 3000))
def test_a_choice_keeps_its_budget_and_is_near_the_best(drawn: list[list[tuple[int, float]]], extra: int) -> None:
    items = items_of(drawn)
    budget = sum(item.options[0].nbytes for item in items) + extra
    found = choose(items, budget)
    assert found.nbytes <= budget
    assert set(found.chosen) == {item.name for item in items}
    every = (fitted(items, choice) for choice in product(*(item.options for item in items)))
    best = min(one.loss for one in every if one.nbytes <= budget)
    # A Lagrangian misses the best by less than the largest single step; what is left is filled greedily.
    steps = [first.loss - second.loss for item in items for first, second in product(item.options, item.options)]
    assert best - 1e-9 <= found.loss <= best + max(steps) + 1e-9


def test_more_room_never_loses_more() -> None:
    items = items_of([[(4, 9.0), (6, 3.0), (9, 1.0)], [(2, 5.0), (3, 2.0), (8, 0.5)], [(10, 1.0), (20, 0.1)]])
    losses = [choose(items, 32 * room).loss for room in range(16, 40)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] == pytest.approx(1.6)


def test_too_little_room_is_one_sentence() -> None:
    with pytest.raises(ConversionError, match="the model takes 64 bytes even in the smallest types, and 63 are wanted"):
        choose(items_of([[(2, 1.0)]]), 63)


def test_samples_stay_within_their_experts() -> None:
    rows = Stacked(tuple(Stacked((Computed(tuple(range(256))),) * 40) for _ in range(3)))
    tensor = OutputTensor("x", rows, F32, F16, np.ones((3, 256), np.float32))
    found = samples(tensor)
    assert {slab.expert for slab in found} == {0, 1, 2}
    assert all(slab.expert * 40 <= slab.start < slab.stop <= (slab.expert + 1) * 40 for slab in found)


@pytest.mark.parametrize("mixture", ["Q4_K_M", "Q3_K_M"])
def test_fit_beats_the_mixture_of_its_size(mixture: str, tmp_path: Path) -> None:
    base = convert(STARTER, tmp_path / "base.gguf", "F16", requantise=True)
    fixed = convert(base, tmp_path / "fixed.gguf", mixture)
    wishes = Wishes(file_type("Q4_K_M"))
    plan = plan_fit(draft_of(base, wishes), wishes, fixed.stat().st_size, 1)
    chosen = tmp_path / "fit.gguf"
    write_conversion(plan.conversion, chosen, Resources(1))
    assert 0.98 * fixed.stat().st_size < chosen.stat().st_size <= fixed.stat().st_size
    tokens = np.random.default_rng(1).integers(3, 2500, 64).tolist()
    expected = evaluate(base, tokens)

    def divergence(path: Path) -> float:
        found = evaluate(path, tokens)
        return float((np.exp(expected) * (expected - found)).sum(-1).mean())

    assert divergence(chosen) < 0.9 * divergence(fixed)


def test_fit_to_this_machine_and_its_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = make("tiny-qwen", tmp_path), tmp_path / "out.gguf"
    assert main(["convert", str(folder), "-o", str(out), "--fit", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["bytes"] == out.stat().st_size
    assert "types by layer" in printed.err
    assert "ffn_down.weight" in printed.err


@pytest.mark.parametrize("size", [300_000, 350_000, 400_000, 500_000])
def test_a_size_is_kept_where_most_of_the_file_stays_16_bit(size: int, tmp_path: Path) -> None:
    out = tmp_path / "out.gguf"
    assert main(["convert", str(STORIES), "-o", str(out), "--fit", str(size)]) == 0
    assert 0.8 * size < out.stat().st_size <= size


def test_the_largest_that_runs_is_found(tmp_path: Path) -> None:
    base = convert(STARTER, tmp_path / "base.gguf", "F16", requantise=True)
    wishes = Wishes(file_type("Q4_K_M"))

    def small(conversion: Conversion) -> bool:
        return conversion.nbytes <= 2_500_000

    plan = plan_fit(draft_of(base, wishes), wishes, small, 1)
    # The search ends within a megabyte.
    assert 1_500_000 < plan.conversion.nbytes <= 2_500_000
    assert runs_here()(plan.conversion)
    assert "token_embd.weight" in fitted_table(plan.choice)
    with pytest.raises(ConversionError, match="not even the smallest file of this model"):
        plan_fit(draft_of(base, wishes), wishes, lambda conversion: False, 1)


def test_a_quantised_source_is_not_fitted_unasked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(STARTER), "--fit", "2MB", "--dry-run"]) == 1
    assert "is quantised already (Q8_0)" in capsys.readouterr().err
