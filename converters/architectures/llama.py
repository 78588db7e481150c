"""Llama 1 to 3 and the many models built like them (TinyLlama, SmolLM 1 and 2, Yi, the starter)."""

from __future__ import annotations

from collections.abc import Sequence

from autoglm_lite.errors import ConversionError
from converters import tokenizers
from converters.architectures.decoder import attention, decoder, feed_forward, norms_before
from converters.architectures.family import Family, TensorRule
from converters.architectures.parameters import EXPERTS, add_common, heads
from converters.architectures.rope import llama3_factors
from converters.config import Config
from converters.keyvalues import KeyValues

NAME = "llama"

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


def rules(config: Config) -> list[TensorRule]:
    """The tensors of a Llama; raises ConversionError for a config that no Llama has."""
    if config.has(EXPERTS):
        raise ConversionError("config.json describes a mixture of Llama experts, which cannot be converted yet.")
    attention_bias, mlp_bias = config.flag("attention_bias"), config.flag("mlp_bias")
    layer = (
        *norms_before(config),
        *attention(config, attention_bias, attention_bias, rotates_neighbours=True),
        *feed_forward(config, mlp_bias),
    )
    return decoder(config, layer)


def parameters(config: Config, keys: KeyValues, file_type: int) -> None:
    """Adds the keys that describe the network."""
    _, n_head_kv, head_dim = heads(config)
    # transformers fills in both when the config is silent.
    whole = config.with_values({"num_key_value_heads": n_head_kv, "head_dim": head_dim})
    add_common(whole, NAME, keys, file_type)
    add_sizes(whole, NAME, keys)


def add_sizes(config: Config, name: str, keys: KeyValues) -> None:
    """Adds what llama.cpp's converter adds for every architecture that it derives from Llama."""
    keys.uint32(f"{name}.vocab_size", config.integer("vocab_size"))
    keys.uint32(f"{name}.rope.dimension_count", heads(config)[2])


def generated(config: Config) -> Sequence[tuple[str, tuple[float, ...]]]:
    """Llama 3.1's frequency factors."""
    return llama3_factors(config, heads(config)[2])


FAMILY = Family(
    name=NAME, rules=rules, parameters=parameters, tokenizer=tokenizers.llama, defaults=DEFAULTS, generated=generated
)
