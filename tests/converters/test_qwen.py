"""Qwen: experts in either form, vision tensors passed over, and configs that make no sense."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from converting import convert, plan
from variants import VARIANTS, Change, Variant, held, make, read, without

from autoglm_lite.errors import ConversionError

MOE, SHARED, VL = "Qwen3-30B-A3B", "Qwen1.5-MoE-A2.7B-Chat", "Qwen2-VL-2B-Instruct"


def test_experts_are_stacked_in_order(tmp_path: Path) -> None:
    variant = Variant(MOE)
    made = read(convert(make(variant, tmp_path / "model"), tmp_path / "out.gguf", "F32"))
    for kind in ("gate", "up", "down"):
        stack = made[f"blk.1.ffn_{kind}_exps.weight"]
        for expert, matrix in enumerate(stack):
            name = f"model.layers.1.mlp.experts.{expert}.{kind}_proj.weight"
            assert np.array_equal(matrix, held(variant, name))


@pytest.mark.parametrize("name", ["qwen3-moe-aggregated", "qwen2-moe-aggregated"])
def test_one_tensor_of_all_experts_is_cut_into_gate_and_up(name: str, tmp_path: Path) -> None:
    made = read(convert(make(VARIANTS[name], tmp_path / "model"), tmp_path / "out.gguf", "F32"))
    both = held(VARIANTS[name], "model.layers.1.mlp.experts.gate_up_proj")
    n_ff = both.shape[1] // 2
    assert np.array_equal(made["blk.1.ffn_gate_exps.weight"], both[:, :n_ff])
    assert np.array_equal(made["blk.1.ffn_up_exps.weight"], both[:, n_ff:])
    down = held(VARIANTS[name], "model.layers.1.mlp.experts.down_proj")
    assert np.array_equal(made["blk.1.ffn_down_exps.weight"], down)


def test_the_language_model_has_none_of_the_vision_tensors(tmp_path: Path) -> None:
    whole = convert(make(Variant(VL), tmp_path / "a" / "model"), tmp_path / "whole.gguf", "BF16")
    blind = make(Variant(VL, tensors=without("visual")), tmp_path / "b" / "model")
    assert convert(blind, tmp_path / "blind.gguf", "BF16").read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(
    ("variant", "text"),
    [
        (Variant(MOE, {"mlp_only_layers": [0]}), "gives some layers no experts"),
        (Variant(SHARED, {"decoder_sparse_step": 2}), "gives some layers no experts"),
        (Variant(MOE, tensors=without("experts.3.up_proj")), "experts.3.up_proj.weight is missing"),
        (Variant(MOE, tensors=without(".experts.")), "experts.0.down_proj.weight is missing"),
        (Variant(MOE, {"num_experts": 2000}), "num_experts as 2000"),
        (Variant(SHARED, tensors=without("shared_expert_gate")), "shared_expert_gate.weight is missing"),
        (Variant(SHARED, tensors=without("q_proj.bias")), "q_proj.bias is missing"),
        (Variant("Qwen3-0.6B", tensors=without("k_norm")), "k_norm.weight is missing"),
        (Variant("Qwen3-0.6B", {"head_dim": 32}), "shape"),
        (Variant("Qwen3-0.6B", {"num_key_value_heads": 3}), "do not fit together"),
        (Variant(VL, {"rope_scaling": {"type": "mrope", "mrope_section": "x"}}), "mrope_section"),
        (Variant("Qwen2.5-1.5B-Instruct", {"rope_scaling": {"type": "yarn", "factor": 4.0}}), "original_max_position"),
        (Variant("Qwen2.5-1.5B-Instruct", {"rope_scaling": {"type": "linear", "factor": 0}}), "factor"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else value.base,
)
def test_what_makes_no_sense_is_one_sentence(variant: Variant, text: str, tmp_path: Path) -> None:
    folder = make(variant, tmp_path / "model")
    with pytest.raises(ConversionError, match=text) as found:
        plan(folder, "F16")
    assert str(found.value).endswith(".")
    assert "\n" not in str(found.value)


def both_forms(change: Change) -> Change:
    """The experts twice: apart and in one tensor."""
    return lambda tensors, config: {**tensors, **change(tensors, config)}


def test_experts_in_both_forms_are_refused(tmp_path: Path) -> None:
    folder = make(Variant(MOE, tensors=both_forms(VARIANTS["qwen3-moe-aggregated"].tensors)), tmp_path / "model")
    with pytest.raises(ConversionError, match="the same part of the model"):
        plan(folder, "F16")
