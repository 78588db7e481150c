"""Llama 1 to 3 and the many models built like them (TinyLlama, SmolLM 1 and 2, Yi, the starter)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from autoglm_lite.errors import ConversionError
from converters.architectures.family import Family, TensorRule
from converters.config import Config, positive_number
from converters.keyvalues import KeyValues

DEFAULTS = {
    "vocab_size": 32000,
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
}

LAYER = "model.layers.{layer}."
RULES = (
    TensorRule("model.embed_tokens.weight", "token_embd.weight", ("n_vocab", "n_embd")),
    TensorRule(LAYER + "input_layernorm.weight", "blk.{layer}.attn_norm.weight", ("n_embd",)),
    TensorRule(LAYER + "self_attn.q_proj.weight", "blk.{layer}.attn_q.weight", ("n_q", "n_embd"), interleaved="n_head"),
    TensorRule(LAYER + "self_attn.q_proj.bias", "blk.{layer}.attn_q.bias", ("n_q",), "attention_bias", "n_head"),
    TensorRule(
        LAYER + "self_attn.k_proj.weight", "blk.{layer}.attn_k.weight", ("n_kv", "n_embd"), interleaved="n_head_kv"
    ),
    TensorRule(LAYER + "self_attn.k_proj.bias", "blk.{layer}.attn_k.bias", ("n_kv",), "attention_bias", "n_head_kv"),
    TensorRule(LAYER + "self_attn.v_proj.weight", "blk.{layer}.attn_v.weight", ("n_kv", "n_embd")),
    TensorRule(LAYER + "self_attn.v_proj.bias", "blk.{layer}.attn_v.bias", ("n_kv",), "attention_bias"),
    TensorRule(LAYER + "self_attn.o_proj.weight", "blk.{layer}.attn_output.weight", ("n_embd", "n_q")),
    TensorRule(LAYER + "self_attn.o_proj.bias", "blk.{layer}.attn_output.bias", ("n_embd",), "attention_bias"),
    TensorRule(LAYER + "post_attention_layernorm.weight", "blk.{layer}.ffn_norm.weight", ("n_embd",)),
    TensorRule(LAYER + "mlp.gate_proj.weight", "blk.{layer}.ffn_gate.weight", ("n_ff", "n_embd")),
    TensorRule(LAYER + "mlp.gate_proj.bias", "blk.{layer}.ffn_gate.bias", ("n_ff",), "mlp_bias"),
    TensorRule(LAYER + "mlp.up_proj.weight", "blk.{layer}.ffn_up.weight", ("n_ff", "n_embd")),
    TensorRule(LAYER + "mlp.up_proj.bias", "blk.{layer}.ffn_up.bias", ("n_ff",), "mlp_bias"),
    TensorRule(LAYER + "mlp.down_proj.weight", "blk.{layer}.ffn_down.weight", ("n_embd", "n_ff")),
    TensorRule(LAYER + "mlp.down_proj.bias", "blk.{layer}.ffn_down.bias", ("n_embd",), "mlp_bias"),
    TensorRule("model.norm.weight", "output_norm.weight", ("n_embd",)),
    TensorRule("lm_head.weight", "output.weight", ("n_vocab", "n_embd"), "untied"),
)

MAX_LAYERS = 512
"""LLAMA_MAX_LAYERS in llama.cpp."""


def sizes(config: Config) -> Mapping[str, int]:
    """The sizes that RULES name; raises ConversionError for a config that no Llama has."""
    if config.has("num_local_experts") or config.has("num_experts"):
        raise ConversionError("config.json describes a mixture of experts, which cannot be converted yet.")
    n_head, n_head_kv, head_dim = _heads(config)
    return {
        "n_layer": config.integer("num_hidden_layers", most=MAX_LAYERS),
        "n_vocab": config.integer("vocab_size"),
        "n_embd": config.integer("hidden_size"),
        "n_ff": config.integer("intermediate_size"),
        "n_head": n_head,
        "n_head_kv": n_head_kv,
        "n_q": n_head * head_dim,
        "n_kv": n_head_kv * head_dim,
        "attention_bias": config.flag("attention_bias"),
        "mlp_bias": config.flag("mlp_bias"),
        "untied": not config.flag("tie_word_embeddings"),
    }


def parameters(config: Config, keys: KeyValues) -> None:
    """Adds the keys that describe the network, in the order of llama.cpp's converter."""
    n_head, n_head_kv, head_dim = _heads(config)
    keys.uint32("llama.block_count", config.integer("num_hidden_layers", most=MAX_LAYERS))
    keys.uint32("llama.context_length", config.integer("max_position_embeddings"))
    keys.uint32("llama.embedding_length", config.integer("hidden_size"))
    keys.uint32("llama.feed_forward_length", config.integer("intermediate_size"))
    keys.uint32("llama.attention.head_count", n_head)
    keys.uint32("llama.attention.head_count_kv", n_head_kv)
    rope = _rope(config)
    _rope_scaling(rope, keys)
    keys.float32("llama.rope.freq_base", positive_number(rope["rope_theta"], "rope_theta"))
    keys.float32("llama.attention.layer_norm_rms_epsilon", config.number("rms_norm_eps"))
    keys.uint32("llama.attention.key_length", head_dim)
    keys.uint32("llama.attention.value_length", head_dim)


def more_parameters(config: Config, keys: KeyValues) -> None:
    """Adds the keys that llama.cpp's converter writes after the file type."""
    keys.uint32("llama.vocab_size", config.integer("vocab_size"))
    keys.uint32("llama.rope.dimension_count", _heads(config)[2])


def vocabulary(config: Config, keys: KeyValues) -> None:
    """Adds what only the size of the vocabulary tells, as llama.cpp's converter does."""
    n_vocab = config.integer("vocab_size")
    if n_vocab == 32016:
        # Code Llama: its infill tokens are in no file of the checkpoint.
        for number, name in enumerate(("prefix", "suffix", "middle", "eot"), 32007):
            keys.uint32(f"tokenizer.ggml.{name}_token_id", number)
    if n_vocab == 49152:
        # Granite and SmolLM: their tokenizers never put a BOS in front.
        keys.boolean("tokenizer.ggml.add_bos_token", False)


def generated(config: Config) -> Sequence[tuple[str, tuple[float, ...]]]:
    """Llama 3.1's frequency factors, one for each pair of rotated dimensions, when `rope_type` is llama3.

    Formula: transformers' `_compute_llama3_parameters`, in 32-bit floats and with llama.cpp's order of operations.
    """
    rope = _rope(config)
    if str(rope.get("rope_type", "")).lower() != "llama3":
        return ()
    base = positive_number(rope["rope_theta"], "rope_theta")
    factor = _rope_number(rope, "factor", 8.0)
    low = _rope_number(rope, "low_freq_factor", 1.0)
    high = _rope_number(rope, "high_freq_factor", 4.0)
    context = _rope_number(rope, "original_max_position_embeddings", 8192)
    factors = _llama3_factors(base, _heads(config)[2], factor, low, high, context)
    if not all(0 < value < math.inf for value in factors):
        raise ConversionError("config.json gives rope_scaling numbers that have no meaning together.")
    return (("rope_freqs.weight", factors),)


def _llama3_factors(
    base: float, head_dim: int, factor: float, low: float, high: float, context: float
) -> tuple[float, ...]:
    import numpy as np
    from numpy import float32 as f32

    factors: list[float] = []
    # Numbers without meaning overflow or divide by zero here; what comes out of them is then refused.
    with np.errstate(all="ignore"):
        for dimension in range(0, head_dim, 2):
            frequency = f32(1) / f32(base ** float(f32(dimension) / f32(head_dim)))
            wavelength = f32(1) / frequency * f32(2 * math.pi)
            if wavelength < f32(context / high):
                factors.append(1.0)
            elif wavelength > f32(context / low):
                factors.append(float(f32(factor)))
            else:
                smooth = (f32(1) / wavelength * f32(context) - f32(low)) / f32(high - low)
                factors.append(float(f32(1) / ((f32(1) - smooth) / f32(factor) + smooth)))
    return tuple(factors)


def _heads(config: Config) -> tuple[int, int, int]:
    n_head = config.integer("num_attention_heads", most=1 << 16)
    n_head_kv = config.integer("num_key_value_heads", most=n_head) if config.has("num_key_value_heads") else n_head
    if config.has("head_dim"):
        head_dim = config.integer("head_dim", most=1 << 16)
    else:
        head_dim = config.integer("hidden_size") // n_head
    if head_dim < 2 or head_dim % 2 or n_head % n_head_kv:
        raise ConversionError(
            f"config.json gives {n_head} heads of {head_dim} dimensions over {n_head_kv} key-value heads, "
            "which do not fit together."
        )
    return n_head, n_head_kv, head_dim


def _rope(config: Config) -> dict[str, Any]:
    # transformers 5 writes rope_parameters, older ones rope_scaling beside rope_theta.
    rope = config.table("rope_parameters" if config.has("rope_parameters") else "rope_scaling")
    rope.setdefault("rope_theta", config.get("rope_theta"))
    if "rope_type" not in rope and "type" in rope:
        rope["rope_type"] = rope["type"]
    if "original_max_position_embeddings" not in rope and config.has("original_max_position_embeddings"):
        rope["original_max_position_embeddings"] = config.get("original_max_position_embeddings")
    return rope


def _rope_scaling(rope: Mapping[str, Any], keys: KeyValues) -> None:
    kind = rope.get("rope_type")
    prefix = "llama.rope.scaling."
    if kind in (None, "default", "dynamic") or str(kind).lower() == "llama3":
        # llama.cpp has no dynamic scaling; such a model runs within its original context.
        return
    if kind not in ("linear", "yarn"):
        raise ConversionError(f"config.json asks for the rope scaling {str(kind)[:40]}, which cannot be converted yet.")
    keys.string(prefix + "type", kind)
    keys.float32(prefix + "factor", _rope_number(rope, "factor"))
    if kind == "linear":
        return
    context = _rope_number(rope, "original_max_position_embeddings")
    keys.uint32(prefix + "original_context_length", int(context))
    attention = "attention_factor" if "attention_factor" in rope else "attn_factor"
    optional = {
        "extrapolation_factor": "yarn_ext_factor",
        attention: "yarn_attn_factor",
        "beta_fast": "yarn_beta_fast",
        "beta_slow": "yarn_beta_slow",
    }
    for key, target in optional.items():
        if rope.get(key) is not None:
            keys.float32(prefix + target, _rope_number(rope, key))


def _rope_number(rope: Mapping[str, Any], key: str, default: float | None = None) -> float:
    return positive_number(rope.get(key, default), f"{key} of the rope scaling")


FAMILY = Family(
    name="llama",
    defaults=DEFAULTS,
    skipped=(".attention.masked_bias", ".attention.bias", ".rotary_emb.inv_freq"),
    rules=RULES,
    sizes=sizes,
    parameters=parameters,
    more_parameters=more_parameters,
    vocabulary=vocabulary,
    generated=generated,
)
