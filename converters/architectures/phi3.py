"""Phi 3, 3.5 and 4 mini: fused projections, and LongRoPE for contexts beyond the trained one."""

from __future__ import annotations

import math
from collections.abc import Sequence

from autoglm_lite.errors import ConversionError
from converters import tokenizers
from converters.architectures.decoder import decoder, norms_before, projection
from converters.architectures.family import Family, TensorRule
from converters.architectures.parameters import heads, n_layer
from converters.architectures.rope import longrope_factors, partial_rotary, rope_context, rope_number, rope_parameters
from converters.config import Config
from converters.keyvalues import KeyValues

NAME = "phi3"

DEFAULTS = {
    "vocab_size": 32064,
    "hidden_size": 3072,
    "intermediate_size": 8192,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "max_position_embeddings": 4096,
    "original_max_position_embeddings": 4096,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "partial_rotary_factor": 1.0,
}


def rules(config: Config) -> list[TensorRule]:
    """The tensors of the network."""
    n_embd, n_ff = config.integer("hidden_size"), config.integer("intermediate_size")
    n_head, n_head_kv, head_dim = heads(config)
    layer = (
        *norms_before(config),
        *projection("self_attn.qkv_proj", "attn_qkv", ((n_head + 2 * n_head_kv) * head_dim, n_embd)),
        *projection("self_attn.o_proj", "attn_output", (n_embd, n_head * head_dim)),
        # llama.cpp's phi3 has the gate in the first half of `ffn_up`, as the checkpoint does.
        *projection("mlp.gate_up_proj", "ffn_up", (2 * n_ff, n_embd)),
        *projection("mlp.down_proj", "ffn_down", (n_embd, n_ff)),
    )
    return decoder(config, layer)


def parameters(config: Config, keys: KeyValues, file_type: int) -> None:
    """Adds the keys that describe the network, in the order that convert_hf_to_gguf has for Phi 3."""
    n_head, n_head_kv, _ = heads(config)
    n_ctx, trained = config.integer("max_position_embeddings"), rope_context(rope_parameters(config))
    if generated(config):
        attention = f"{NAME}.rope.scaling.attn_factor"
        keys.float32(attention, _attention_factor(n_ctx / trained, trained))
        # convert_hf_to_gguf meets the factors, and writes this, before it describes the model.
        keys.move_behind(attention, "general.architecture")
    for target, value in (
        ("context_length", n_ctx),
        ("rope.scaling.original_context_length", trained),
        ("embedding_length", config.integer("hidden_size")),
        ("feed_forward_length", config.integer("intermediate_size")),
        ("block_count", n_layer(config)),
        ("attention.head_count", n_head),
        ("attention.head_count_kv", n_head_kv),
    ):
        keys.uint32(f"{NAME}.{target}", value)
    keys.float32(f"{NAME}.attention.layer_norm_rms_epsilon", config.number("rms_norm_eps"))
    keys.uint32(f"{NAME}.rope.dimension_count", _n_rotated(config))
    keys.float32(f"{NAME}.rope.freq_base", rope_number(rope_parameters(config), "rope_theta"))
    keys.uint32("general.file_type", file_type)
    # Zero tells llama.cpp that there is no window.
    window = config.integer("sliding_window") if config.has("sliding_window") else 0
    keys.uint32(f"{NAME}.attention.sliding_window", window)


def generated(config: Config) -> Sequence[tuple[str, tuple[float, ...]]]:
    """LongRoPE's factors."""
    return longrope_factors(config, _n_rotated(config))


def _n_rotated(config: Config) -> int:
    n_head = heads(config)[0]
    share = partial_rotary(config, 1.0)
    if share > 1:
        raise ConversionError("config.json gives partial_rotary_factor as more than the whole of a head.")
    return int(share * config.integer("hidden_size")) // n_head


def _attention_factor(scale: float, trained: int) -> float:
    """LongRoPE's factor on attention beyond the trained context (transformers' `_compute_longrope_parameters`)."""
    return math.sqrt(1 + math.log(scale) / math.log(trained)) if scale > 1 else 1.0


FAMILY = Family(
    name=NAME,
    rules=rules,
    parameters=parameters,
    tokenizer=tokenizers.phi3,
    defaults=DEFAULTS,
    generated=generated,
)
