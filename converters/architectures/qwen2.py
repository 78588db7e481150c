"""Qwen 2 and 2.5."""

from __future__ import annotations

from converters import tokenizers
from converters.architectures.decoder import attention, decoder, feed_forward, norms_before, with_key_value_heads
from converters.architectures.family import Family, TensorRule
from converters.architectures.parameters import add_common
from converters.config import Config
from converters.keyvalues import KeyValues

NAME = "qwen2"

DEFAULTS = {
    "vocab_size": 151936,
    "hidden_size": 4096,
    "intermediate_size": 22016,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 32,
    "max_position_embeddings": 32768,
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
}


def rules(config: Config) -> list[TensorRule]:
    """The tensors of the network."""
    return decoder(config, (*norms_before(config), *attention(config, bias=True), *feed_forward(config)))


def parameters(config: Config, keys: KeyValues, file_type: int) -> None:
    """Adds the keys that describe the network."""
    add_common(with_key_value_heads(config), NAME, keys, file_type)


FAMILY = Family(name=NAME, rules=rules, parameters=parameters, tokenizer=tokenizers.automatic, defaults=DEFAULTS)
