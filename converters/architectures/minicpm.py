"""MiniCPM 1 to 4, dense: a Llama whose embedding, residuals and logits are scaled."""

from __future__ import annotations

from collections.abc import Sequence

from autoglm_lite.errors import ConversionError
from converters import tokenizers
from converters.architectures.decoder import attention, decoder, feed_forward, norms_before
from converters.architectures.family import Family, TensorRule
from converters.architectures.parameters import EXPERTS, add_common, heads, n_layer
from converters.architectures.rope import longrope_factors
from converters.config import Config, positive_number
from converters.keyvalues import KeyValues

NAME = "minicpm"

DEFAULTS = {"tie_word_embeddings": True}
"""What the configuration class in these checkpoints assumes; convert_hf_to_gguf takes nothing else from it."""


def rules(config: Config) -> list[TensorRule]:
    """The tensors of the network; raises ConversionError for the MiniCPM that mixes experts."""
    if config.has(EXPERTS):
        raise ConversionError("config.json describes a mixture of MiniCPM experts, which cannot be converted yet.")
    layer = (*norms_before(config), *attention(config, rotates_neighbours=True), *feed_forward(config))
    return decoder(config, layer)


def parameters(config: Config, keys: KeyValues, file_type: int) -> None:
    """Adds the keys that describe the network."""
    add_common(config, NAME, keys, file_type, long_factors=True)
    keys.float32(f"{NAME}.embedding_scale", config.number("scale_emb"))
    keys.float32(f"{NAME}.residual_scale", config.number("scale_depth") / n_layer(config) ** 0.5)
    logit_scale = positive_number(config.integer("hidden_size") / config.number("dim_model_base"), "dim_model_base")
    keys.float32(f"{NAME}.logit_scale", logit_scale)


def generated(config: Config) -> Sequence[tuple[str, tuple[float, ...]]]:
    """LongRoPE's factors."""
    return longrope_factors(config, config.integer("hidden_size") // heads(config)[0])


FAMILY = Family(
    name=NAME,
    rules=rules,
    parameters=parameters,
    tokenizer=tokenizers.minicpm,
    defaults=DEFAULTS,
    generated=generated,
)
