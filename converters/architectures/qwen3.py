"""Qwen 3, the dense models."""

from __future__ import annotations

from converters import tokenizers
from converters.architectures import qwen2
from converters.architectures.decoder import (
    attention,
    decoder,
    feed_forward,
    head_norms,
    norms_before,
    with_key_value_heads,
)
from converters.architectures.family import Family, TensorRule
from converters.architectures.parameters import add_common
from converters.config import Config
from converters.keyvalues import KeyValues

NAME = "qwen3"

DEFAULTS = {**qwen2.DEFAULTS, "head_dim": 128}


def rules(config: Config) -> list[TensorRule]:
    """The tensors of the network."""
    bias = config.flag("attention_bias")
    layer = (*norms_before(config), *attention(config, bias, bias), *head_norms(config), *feed_forward(config))
    return decoder(config, layer)


def parameters(config: Config, keys: KeyValues, file_type: int) -> None:
    """Adds the keys that describe the network."""
    add_common(with_key_value_heads(config), NAME, keys, file_type)


FAMILY = Family(name=NAME, rules=rules, parameters=parameters, tokenizer=tokenizers.automatic, defaults=DEFAULTS)
