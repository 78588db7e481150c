"""IBM's Granite 3, dense: a Llama with four multipliers."""

from __future__ import annotations

from dataclasses import replace

from autoglm_lite.errors import ConversionError
from converters.architectures import llama
from converters.architectures.decoder import with_key_value_heads
from converters.architectures.family import TensorRule
from converters.architectures.parameters import add_common, heads
from converters.config import Config
from converters.keyvalues import KeyValues

NAME = "granite"

DEFAULTS = {
    **llama.DEFAULTS,
    "attention_multiplier": 1.0,
    "embedding_multiplier": 1.0,
    "residual_multiplier": 1.0,
    "logits_scaling": 1.0,
}

SCALES = (
    ("attention_multiplier", "attention.scale"),
    ("embedding_multiplier", "embedding_scale"),
    ("residual_multiplier", "residual_scale"),
    ("logits_scaling", "logit_scale"),
)


def rules(config: Config) -> list[TensorRule]:
    """The tensors of the network; raises ConversionError for heads of a size that llama.cpp does not expect."""
    if heads(config) != heads(_without_head_dim(config)):
        raise ConversionError("config.json gives a head_dim that llama.cpp's granite architecture cannot have.")
    return llama.rules(config)


def parameters(config: Config, keys: KeyValues, file_type: int) -> None:
    """Adds the keys that describe the network."""
    whole = with_key_value_heads(_without_head_dim(config))
    add_common(whole, NAME, keys, file_type)
    llama.add_sizes(whole, NAME, keys)
    for source, target in SCALES:
        if config.get(source):
            keys.float32(f"{NAME}.{target}", config.number(source))


def _without_head_dim(config: Config) -> Config:
    return config.with_values({"head_dim": None})


FAMILY = replace(llama.FAMILY, name=NAME, rules=rules, parameters=parameters, defaults=DEFAULTS)
