"""Mistral: a Llama in all but what transformers assumes of a config that is silent.

Its sliding window has no key in GGUF: llama.cpp lets every layer of the `llama` architecture see the whole context.
"""

from __future__ import annotations

from dataclasses import replace

from converters.architectures import llama
from converters.architectures.decoder import with_key_value_heads
from converters.architectures.parameters import add_common
from converters.config import Config
from converters.keyvalues import KeyValues

DEFAULTS = {
    **llama.DEFAULTS,
    "intermediate_size": 14336,
    "num_key_value_heads": 8,
    "max_position_embeddings": 131072,
}


def parameters(config: Config, keys: KeyValues, file_type: int) -> None:
    """Adds the keys that describe the network; unlike a Llama's, the size of a head only where the config has it."""
    whole = with_key_value_heads(config)
    add_common(whole, llama.NAME, keys, file_type)
    llama.add_sizes(whole, llama.NAME, keys)


FAMILY = replace(llama.FAMILY, parameters=parameters, defaults=DEFAULTS)
