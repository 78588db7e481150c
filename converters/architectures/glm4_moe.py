"""GLM-4.5 and later mixtures of experts with ordinary attention (`Glm4MoeForCausalLM`)."""

from __future__ import annotations

from dataclasses import replace

from converters import tokenizers
from converters.architectures import glm_experts
from converters.architectures.decoder import attention, head_norms, norm
from converters.architectures.family import Family, TensorRule
from converters.architectures.glm4 import n_rot
from converters.architectures.parameters import add_common, n_expert, n_layer
from converters.config import Config
from converters.keyvalues import KeyValues

NAME = "glm4moe"

SIGMOID = 2

DEFAULTS = {
    "vocab_size": 151552,
    "hidden_size": 4096,
    "intermediate_size": 10944,
    "num_hidden_layers": 46,
    "num_attention_heads": 96,
    "num_key_value_heads": 8,
    "partial_rotary_factor": 0.5,
    "max_position_embeddings": 131072,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "moe_intermediate_size": 1408,
    "num_experts_per_tok": 8,
    "n_shared_experts": 1,
    "n_routed_experts": 128,
    "routed_scaling_factor": 1.0,
    "n_group": 1,
    "topk_group": 1,
    "first_k_dense_replace": 1,
    "norm_topk_prob": True,
}


def rules(config: Config) -> list[TensorRule]:
    """The tensors of a GLM-4.5; raises ConversionError for a config that makes no sense."""
    layer = (
        norm("input_layernorm", "attn_norm", config.integer("hidden_size")),
        *attention(config, config.flag("attention_bias")),
        *(replace(rule, needed=config.flag("use_qk_norm")) for rule in head_norms(config)),
        norm("post_attention_layernorm", "post_attention_norm", config.integer("hidden_size")),
    )
    return glm_experts.model_rules(config, layer)


def parameters(config: Config, keys: KeyValues, file_type: int) -> None:
    """Adds the keys that describe the network, in the order of Glm4MoeModel in llama.cpp's conversion/glm.py."""
    add_common(config, NAME, keys, file_type, n_layer(config) + glm_experts.n_next(config))
    keys.uint32(f"{NAME}.rope.dimension_count", n_rot(config))
    keys.uint32(f"{NAME}.expert_count", n_expert(config))
    keys.uint32(f"{NAME}.expert_feed_forward_length", config.integer("moe_intermediate_size"))
    keys.uint32(f"{NAME}.expert_shared_count", glm_experts.n_shared(config))
    keys.uint32(f"{NAME}.leading_dense_block_count", glm_experts.n_dense(config))
    keys.uint32(f"{NAME}.expert_gating_func", SIGMOID)
    keys.float32(f"{NAME}.expert_weights_scale", config.number("routed_scaling_factor"))
    keys.boolean(f"{NAME}.expert_weights_norm", config.flag("norm_topk_prob"))
    if config.has(glm_experts.NEXT):
        keys.uint32(f"{NAME}.nextn_predict_layers", glm_experts.n_next(config))


FAMILY = Family(name=NAME, rules=rules, parameters=parameters, tokenizer=tokenizers.glm, defaults=DEFAULTS)
