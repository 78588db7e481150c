"""SmolLM 3: a Llama of which every fourth layer knows no positions."""

from __future__ import annotations

from dataclasses import replace

from autoglm_lite.errors import ConversionError
from converters.architectures import llama
from converters.architectures.decoder import with_key_value_heads
from converters.architectures.family import TensorRule
from converters.architectures.parameters import add_common, n_layer
from converters.config import Config
from converters.keyvalues import KeyValues

NAME = "smollm3"

DEFAULTS = {
    "vocab_size": 128256,
    "hidden_size": 2048,
    "intermediate_size": 11008,
    "num_hidden_layers": 36,
    "num_attention_heads": 16,
    "num_key_value_heads": 4,
    "max_position_embeddings": 32768,
    "rms_norm_eps": 1e-6,
    "rope_theta": 2000000.0,
    "no_rope_layer_interval": 4,
    "tie_word_embeddings": True,
}


def rules(config: Config) -> list[TensorRule]:
    """The tensors of the network; raises ConversionError for other layers without positions than llama.cpp's."""
    expected = [int((layer + 1) % 4 != 0) for layer in range(n_layer(config))]
    interval = config.integer("no_rope_layer_interval")
    given = config.get("no_rope_layers") or [int((layer + 1) % interval != 0) for layer in range(len(expected))]
    if given != expected:
        raise ConversionError("config.json rotates other layers than three in four, which llama.cpp's smollm3 does.")
    return llama.rules(config)


def parameters(config: Config, keys: KeyValues, file_type: int) -> None:
    """Adds the keys that describe the network."""
    whole = with_key_value_heads(config)
    add_common(whole, NAME, keys, file_type)
    llama.add_sizes(whole, NAME, keys)


FAMILY = replace(llama.FAMILY, name=NAME, rules=rules, parameters=parameters, defaults=DEFAULTS)
