"""InternLM 3, which llama.cpp runs as a Llama."""

from __future__ import annotations

from converters import tokenizers
from converters.architectures import llama
from converters.architectures.decoder import attention, decoder, feed_forward, norms_before
from converters.architectures.family import Family, TensorRule
from converters.architectures.parameters import add_common
from converters.config import Config
from converters.keyvalues import KeyValues


def rules(config: Config) -> list[TensorRule]:
    """The tensors of the network."""
    bias = config.flag("bias")
    layer = (
        *norms_before(config),
        *attention(config, config.flag("qkv_bias"), bias, rotates_neighbours=True),
        *feed_forward(config, bias),
    )
    return decoder(config, layer)


def parameters(config: Config, keys: KeyValues, file_type: int) -> None:
    """Adds the keys that describe the network."""
    add_common(config, llama.NAME, keys, file_type)
    llama.add_sizes(config, llama.NAME, keys)


FAMILY = Family(name=llama.NAME, rules=rules, parameters=parameters, tokenizer=tokenizers.internlm3)
