"""What the releases of GLM's families vary in, against llama.cpp's tools; and what llama.cpp has no way to run."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from converting import convert, plan
from glm_variants import AIR, DIGESTS, EDGE, FLASH, LANGUAGE, PHONE, compressed
from hypothesis import given
from hypothesis import strategies as st
from variants import Variant, make, without

from autoglm_lite.errors import ConversionError
from converters.architectures.glm4 import halved
from converters.files import Files
from converters.rows import Computed

THEIRS: dict[str, str] = json.loads(DIGESTS.read_text("utf-8"))["language"]


@pytest.mark.parametrize("name", LANGUAGE)
def test_file_is_that_of_llama_cpp(name: str, tmp_path: Path) -> None:
    out = convert(make(LANGUAGE[name], tmp_path / name), tmp_path / "out.gguf", "Q4_K_M")
    assert hashlib.sha256(out.read_bytes()).hexdigest() == THEIRS[f"{name} Q4_K_M"]


@given(st.integers(1, 4), st.integers(1, 8), st.integers(0, 8))
def test_neighbours_become_halves_in_every_head(n_head: int, n_pairs: int, n_still: int) -> None:
    head_dim = 2 * n_pairs + n_still
    rows = Computed(tuple(float(value) for value in range(n_head * head_dim)))
    found = halved(rows, head_dim, 2 * n_pairs).read(Files(), 0, n_head * head_dim).reshape(n_head, head_dim)
    for head, values in enumerate(found - found[:, :1] + 0):
        first, second, still = values[:n_pairs], values[n_pairs : 2 * n_pairs], values[2 * n_pairs :]
        assert found[head, 0] == head * head_dim
        assert list(first) == list(range(0, 2 * n_pairs, 2))
        assert list(second) == list(range(1, 2 * n_pairs, 2))
        assert list(still) == list(range(2 * n_pairs, head_dim))


@pytest.mark.parametrize("config", [{"rope_theta": 5e6}, {"rope_parameters": {"rope_theta": 5e6}}])
def test_glm_keeps_its_own_rope_base(config: dict[str, Any], tmp_path: Path) -> None:
    # llama.cpp's converter writes 10000 whatever config.json says, and the model then babbles.
    keys = plan(make(Variant(EDGE, config), tmp_path / "edge"), "F16").draft.keys
    base = keys.get("chatglm.rope.freq_base")
    assert base is not None
    assert base.content == 5e6


@pytest.mark.parametrize(
    ("base", "config", "text"),
    [
        ("glm-4-9b-chat", {"add_bias_linear": True}, "add_bias_linear as True"),
        ("glm-4-9b-chat", {"rmsnorm": False}, "rmsnorm as False"),
        ("glm-4-9b-chat", {"kv_channels": 32}, "do not fit together"),
        ("glm-4-9b-chat", {"multi_query_group_num": 3}, "do not fit together"),
        ("glm-4-9b-chat", {"attention_dim": 512}, "rotates 256 of the 64"),
        ("glm-4-9b-chat", {"num_layers": "many", "num_hidden_layers": "many"}, "no whole number"),
        (EDGE, {"head_dim": 32}, "do not fit together"),
        (PHONE, {"partial_rotary_factor": 0.52}, "rotates 33 of the 64"),
        (PHONE, {"partial_rotary_factor": 2.0}, "rotates 128 of the 64"),
        (AIR, {"first_k_dense_replace": -1}, "first_k_dense_replace as -1"),
        (AIR, {"num_nextn_predict_layers": 10**9}, "num_nextn_predict_layers"),
        (AIR, {"n_routed_experts": 10**9}, "n_routed_experts"),
        (AIR, compressed(strategy="tensor"), "already quantised"),
        (AIR, {"quantization_config": {"quant_method": "compressed-tensors", "format": "pack-quantized"}}, "already"),
        (AIR, compressed(strategy="block", block_structure=[0, 128]), "block of a scale"),
        (FLASH, {"attention_bias": True}, "latent attention a bias"),
        (FLASH, {"num_key_value_heads": 2}, "fewer key-value heads"),
        (FLASH, {"q_lora_rank": None}, "q_lora_rank as nothing"),
        (FLASH, {"kv_lora_rank": 128}, "calls for"),
    ],
)
def test_config_that_cannot_run_is_one_sentence(base: str, config: dict[str, Any], text: str, tmp_path: Path) -> None:
    folder = make(Variant(base, config), tmp_path / "model")
    with pytest.raises(ConversionError, match=text):
        plan(folder, "F16")


@pytest.mark.parametrize(
    ("base", "text"),
    [(AIR, "layers.1.mlp.gate.e_score"), (FLASH, "layers.0.self_attn.kv_b_proj"), (PHONE, "k_proj.bias")],
)
def test_missing_tensor_is_named(base: str, text: str, tmp_path: Path) -> None:
    folder = make(Variant(base, tensors=without(text)), tmp_path / "model")
    with pytest.raises(ConversionError, match=f"{text}.*is missing"):
        plan(folder, "F16")
