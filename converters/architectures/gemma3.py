"""Gemma 3: the text models, and the language model of those that see."""

from __future__ import annotations

from dataclasses import replace

from autoglm_lite.errors import ConversionError
from converters import tokenizers
from converters.architectures.decoder import VISION_PARTS, attention, decoder, feed_forward, head_norms, text_name
from converters.architectures.family import Family, TensorRule
from converters.architectures.gemma2 import norms_around, plus_one
from converters.architectures.parameters import add_common
from converters.config import Config
from converters.keyvalues import KeyValues

NAME = "gemma3"

DEFAULTS = {
    "vocab_size": 262208,
    "hidden_size": 2304,
    "intermediate_size": 9216,
    "num_hidden_layers": 26,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 256,
    "max_position_embeddings": 131072,
    "rms_norm_eps": 1e-6,
    "rope_theta": 1000000.0,
    "rope_local_base_freq": 10000.0,
    "sliding_window": 4096,
    "tie_word_embeddings": True,
}


def rules(config: Config) -> list[TensorRule]:
    """The tensors of the network."""
    normed = [replace(rule, make=plus_one) for rule in head_norms(config)]
    layer = (*norms_around(config), *attention(config), *normed, *feed_forward(config))
    embedding, *others = decoder(config, layer, plus_one)
    # Rows beyond the vocabulary fill the matrix up to a round number.
    return [replace(embedding, padded=True), *others]


def parameters(config: Config, keys: KeyValues, file_type: int) -> None:
    """Adds the keys that describe the network; raises ConversionError for one that no Gemma 3 has."""
    if config.has("attn_logit_softcapping"):
        raise ConversionError("config.json caps the logits of attention, which llama.cpp's gemma3 does not do.")
    add_common(config, NAME, keys, file_type)
    if config.has("final_logit_softcapping"):
        keys.float32(f"{NAME}.final_logit_softcapping", config.number("final_logit_softcapping"))
    if config.get("sliding_window_pattern") != 1:
        keys.uint32(f"{NAME}.attention.sliding_window", config.integer("sliding_window"))


FAMILY = Family(
    name=NAME,
    rules=rules,
    parameters=parameters,
    tokenizer=tokenizers.gemma3,
    defaults=DEFAULTS,
    rename=text_name,
    ignored=VISION_PARTS,
)
