"""Qwen 1.5 MoE and Qwen 2 MoE: experts, and one shared expert behind a gate."""

from __future__ import annotations

from converters import tokenizers
from converters.architectures.decoder import attention, decoder, norms_before
from converters.architectures.family import Family, TensorRule
from converters.architectures.parameters import add_common
from converters.architectures.qwen_experts import expert_name, mixture, refuse_dense_layers, shared_expert
from converters.config import Config
from converters.keyvalues import KeyValues

NAME = "qwen2moe"

DEFAULTS = {
    "vocab_size": 151936,
    "hidden_size": 2048,
    "intermediate_size": 5632,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "num_key_value_heads": 16,
    "max_position_embeddings": 32768,
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
    "moe_intermediate_size": 1408,
    "shared_expert_intermediate_size": 5632,
    "num_experts_per_tok": 4,
    "num_experts": 60,
    "qkv_bias": True,
}


def rules(config: Config) -> list[TensorRule]:
    """The tensors of the network; raises ConversionError for a mixture that llama.cpp cannot compute."""
    refuse_dense_layers(config, NAME)
    layer = (
        *norms_before(config),
        *attention(config, bias=config.flag("qkv_bias")),
        *mixture(config),
        *shared_expert(config),
    )
    return decoder(config, layer)


def parameters(config: Config, keys: KeyValues, file_type: int) -> None:
    """Adds the keys that describe the network."""
    add_common(config, NAME, keys, file_type)
    add_expert_sizes(config, NAME, keys)


def add_expert_sizes(config: Config, name: str, keys: KeyValues) -> None:
    """Adds how wide the experts are, where the config says so."""
    for source, target in (
        ("moe_intermediate_size", "expert_feed_forward_length"),
        ("shared_expert_intermediate_size", "expert_shared_feed_forward_length"),
    ):
        if config.has(source):
            keys.uint32(f"{name}.{target}", config.integer(source))


FAMILY = Family(
    name=NAME,
    rules=rules,
    parameters=parameters,
    tokenizer=tokenizers.bpe,
    defaults=DEFAULTS,
    rename=expert_name,
)
