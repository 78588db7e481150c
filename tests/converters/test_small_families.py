"""Phi, InternLM, MiniCPM, SmolLM, Granite, OLMo and Mistral: what is theirs alone, and configs without sense."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from converting import convert, plan
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from variants import GONE, OLMO, OLMO3, VARIANTS, Variant, held, make, read

from autoglm_lite.errors import ConversionError

PHI, INTERN2, MINICPM = "Phi-3.5-mini-instruct", "internlm2-chat-1_8b", "MiniCPM-2B-sft-bf16"
GRANITE, SMOL3, MISTRAL = "granite-3.3-2b-instruct", "SmolLM3-3B", "Mistral-7B-Instruct-v0.3"
BASES = [
    *(PHI, INTERN2, MINICPM, GRANITE, SMOL3, MISTRAL, OLMO, "internlm3-8b-instruct", "Qwen2.5-VL-3B-Instruct"),
    *("Qwen2.5-7B-Instruct-1M-yarn", "Qwen3-30B-A3B", "Qwen1.5-MoE-A2.7B-Chat", "gemma-2-2b-it", "gemma-3-4b-it"),
]


def config_of(base: str) -> dict[str, Any]:
    """The config.json of a test checkpoint."""
    return dict(
        json.loads((Path(__file__).parents[1] / "data" / "checkpoints" / base / "config.json").read_text("utf-8"))
    )


def test_internlm_2_is_taken_apart(tmp_path: Path) -> None:
    config = config_of(INTERN2)
    n_head, n_head_kv, width = (config[key] for key in ("num_attention_heads", "num_key_value_heads", "hidden_size"))
    half = width // n_head // 2
    made = read(convert(make(Variant(INTERN2), tmp_path / "model"), tmp_path / "out.gguf", "F32"))
    fused = held(Variant(INTERN2), "model.layers.1.attention.wqkv.weight")
    groups = fused.reshape(n_head_kv, n_head // n_head_kv + 2, 2, half, width)
    # llama.cpp rotates neighbouring rows of a head, the checkpoint its halves.
    neighbours = groups.swapaxes(2, 3)
    assert np.array_equal(made["blk.1.attn_q.weight"], neighbours[:, :-2].reshape(-1, width))
    assert np.array_equal(made["blk.1.attn_k.weight"], neighbours[:, -2].reshape(-1, width))
    assert np.array_equal(made["blk.1.attn_v.weight"], groups[:, -1].reshape(-1, width))


@pytest.mark.parametrize("name", ["phi3-partial", "phi3-su", "minicpm4"])
def test_the_factors_of_longrope_come_first(name: str, tmp_path: Path) -> None:
    variant = VARIANTS[name]
    folder = make(variant, tmp_path / "model")
    made = read(convert(folder, tmp_path / "out.gguf", "Q4_K_M"))
    for kind in ("long", "short"):
        expected = np.array(variant.config["rope_scaling"][f"{kind}_factor"], np.float32)
        assert np.array_equal(made[f"rope_factors_{kind}.weight"], expected)
    assert [one.name for one in plan(folder, "F16").draft.tensors[:2]] == [
        "rope_factors_long.weight",
        "rope_factors_short.weight",
    ]


def test_phi_attends_more_sharply_beyond_its_trained_context(tmp_path: Path) -> None:
    config = config_of(PHI)
    keys = plan(make(Variant(PHI), tmp_path / "model"), "F16").draft.keys
    long, trained = config["max_position_embeddings"], config["original_max_position_embeddings"]
    expected = math.sqrt(1 + math.log(long / trained) / math.log(trained))
    assert [key for key, _ in keys][:2] == ["general.architecture", "phi3.rope.scaling.attn_factor"]
    held_factor = keys.get("phi3.rope.scaling.attn_factor")
    assert held_factor is not None
    assert held_factor.content == pytest.approx(expected)


def test_mistral_names_the_size_of_a_head_only_when_its_config_does(tmp_path: Path) -> None:
    plain = plan(make(Variant(MISTRAL, {"head_dim": GONE}), tmp_path / "a"), "F16").draft.keys
    narrow = plan(make(VARIANTS["mistral-narrow-heads"], tmp_path / "b"), "F16").draft.keys
    assert plain.get("llama.attention.key_length") is None
    assert narrow.integer("llama.attention.key_length") == narrow.integer("llama.rope.dimension_count") == 32


@pytest.mark.parametrize(
    ("variant", "text"),
    [
        (Variant(PHI, {"partial_rotary_factor": 0.5}), "long_factor as something else than a list of 16 numbers"),
        (Variant(PHI, {"partial_rotary_factor": 1.5}), "more than the whole of a head"),
        (Variant(PHI, {"original_max_position_embeddings": 1}), "whole number of positions"),
        (Variant(PHI, {"rope_scaling": {"type": "longrope", "short_factor": [1.0] * 32}}), "long_factor"),
        (Variant(PHI, {"sliding_window": -1}), "sliding_window as -1"),
        (Variant(GRANITE, {"head_dim": 16}), "head_dim that llama.cpp's granite"),
        (Variant(SMOL3, {"no_rope_layers": [1, 1]}), "rotates other layers than three in four"),
        (Variant(SMOL3, {"no_rope_layers": GONE, "no_rope_layer_interval": 3}), "rotates other layers"),
        (Variant(INTERN2, {"bias": True}), "gives the InternLM2 biases"),
        (Variant(MINICPM, {"scale_depth": GONE}), "scale_depth as nothing"),
        (Variant(MINICPM, {"dim_model_base": 1e-300}), "dim_model_base"),
        (Variant(MINICPM, {"num_experts": 8}), "mixture of MiniCPM experts"),
        (Variant(OLMO, {**OLMO3, "layer_types": ["full_attention"] * 9}), "layer_types"),
        (Variant(MISTRAL, {"num_local_experts": 8}), "mixture of Llama experts"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else value.base,
)
def test_what_makes_no_sense_is_one_sentence(variant: Variant, text: str, tmp_path: Path) -> None:
    folder = make(variant, tmp_path / "model")
    with pytest.raises(ConversionError, match=text) as found:
        plan(folder, "F16")
    assert str(found.value).endswith(".")
    assert "\n" not in str(found.value)


ODD: list[Any] = [
    *(None, True, False, 0, 1, -1, 3, 1 << 31, 10**400, 1e-300, 1e300, math.inf, math.nan, 0.5, "", "yarn", [], {}),
    *([[]], [None], {"rope_type": "yarn", "factor": 2.0}, {"type": "longrope"}, {"rope_type": "llama3"}),
    *({"long_factor": [1], "short_factor": [1]}, {"full_attention": 3}, {"sliding_attention": {"rope_theta": []}}),
]
MORE_KEYS = [
    *("rope_parameters", "rope_scaling", "rope_theta", "head_dim", "num_key_value_heads", "sliding_window"),
    *("layer_types", "no_rope_layers", "mlp_only_layers", "scoring_func", "partial_rotary_factor", "num_experts"),
    *("original_max_position_embeddings", "tie_word_embeddings", "attention_bias", "final_logit_softcapping"),
]


@pytest.mark.parametrize("base", BASES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_of_a_config_is_taken_or_refused(base: str, tmp_path: Path, data: st.DataObject) -> None:
    folder = tmp_path / "model"
    if not folder.exists():
        make(Variant(base), folder)
    config = config_of(base)
    changed = data.draw(
        st.dictionaries(st.sampled_from([*config, *MORE_KEYS]), st.sampled_from(ODD), min_size=1, max_size=3)
    )
    (folder / "config.json").write_text(json.dumps(config | changed), encoding="utf-8")
    sentence = refusal(folder)
    assert not sentence or sentence.endswith(".")
    assert "\n" not in sentence


def refusal(folder: Path) -> str:
    """Why a checkpoint is refused; empty when it is not."""
    try:
        plan(folder, "F16")
    except ConversionError as refused:
        return str(refused)
    return ""
