"""Qwen 3 MoE, such as Qwen3-30B-A3B."""

from __future__ import annotations

from converters import tokenizers
from converters.architectures.decoder import attention, decoder, head_norms, norms_before
from converters.architectures.family import Family, TensorRule
from converters.architectures.parameters import add_common
from converters.architectures.qwen2_moe import add_expert_sizes
from converters.architectures.qwen_experts import expert_name, mixture, refuse_dense_layers
from converters.config import Config
from converters.keyvalues import KeyValues

NAME = "qwen3moe"

DEFAULTS = {
    "vocab_size": 151936,
    "hidden_size": 2048,
    "intermediate_size": 6144,
    "num_hidden_layers": 24,
    "num_attention_heads": 32,
    "num_key_value_heads": 4,
    "max_position_embeddings": 32768,
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
    "moe_intermediate_size": 768,
    "num_experts_per_tok": 8,
    "num_experts": 128,
}


def rules(config: Config) -> list[TensorRule]:
    """The tensors of the network; raises ConversionError for a mixture that llama.cpp cannot compute."""
    refuse_dense_layers(config, NAME)
    bias = config.flag("attention_bias")
    layer = (*norms_before(config), *attention(config, bias, bias), *head_norms(config), *mixture(config))
    return decoder(config, layer)


def parameters(config: Config, keys: KeyValues, file_type: int) -> None:
    """Adds the keys that describe the network."""
    add_common(config, NAME, keys, file_type)
    add_expert_sizes(config, NAME, keys)


FAMILY = Family(
    name=NAME,
    rules=rules,
    parameters=parameters,
    tokenizer=tokenizers.bpe,
    defaults=DEFAULTS,
    rename=expert_name,
)
