"""The language model of Qwen 2 VL and 2.5 VL: Qwen 2 with a rotary embedding in time, height and width."""

from __future__ import annotations

from dataclasses import replace

from converters.architectures import qwen2
from converters.architectures.decoder import VISION_PARTS, text_name, with_key_value_heads
from converters.architectures.parameters import add_common
from converters.config import Config
from converters.keyvalues import KeyValues

NAME = "qwen2vl"

DEFAULTS = {
    "vocab_size": 152064,
    "hidden_size": 8192,
    "intermediate_size": 29568,
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "max_position_embeddings": 32768,
    "rms_norm_eps": 1e-5,
    "rope_theta": 1000000.0,
}


def parameters(config: Config, keys: KeyValues, file_type: int) -> None:
    """Adds the keys that describe the network."""
    add_common(with_key_value_heads(config), NAME, keys, file_type)


FAMILY = replace(
    qwen2.FAMILY, name=NAME, parameters=parameters, defaults=DEFAULTS, rename=text_name, ignored=VISION_PARTS
)
