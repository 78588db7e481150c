"""GLM-4-0414 (`Glm4ForCausalLM`), and the language model of GLM-4.1V and AutoGLM-Phone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from autoglm_lite.errors import ConversionError
from converters import tokenizers
from converters.architectures.decoder import VISION_PARTS, attention, decoder, norm, norms_before, text_name
from converters.architectures.family import Family, TensorRule
from converters.architectures.parameters import add_common, heads
from converters.architectures.rope import partial_rotary, rope_parameters
from converters.config import Config
from converters.keyvalues import KeyValues
from converters.rows import Permuted, Rows

NAME = "glm4"

DEFAULTS = {
    "vocab_size": 151552,
    "hidden_size": 4096,
    "intermediate_size": 13696,
    "num_hidden_layers": 40,
    "num_attention_heads": 32,
    "num_key_value_heads": 2,
    "partial_rotary_factor": 0.5,
    "head_dim": 128,
    "max_position_embeddings": 131072,
    "rms_norm_eps": 1.5625e-07,
    "rope_theta": 10000.0,
    "attention_bias": True,
}

VISION_LANGUAGE_DEFAULTS = {
    key: value for key, value in DEFAULTS.items() if key not in ("partial_rotary_factor", "head_dim")
} | {"max_position_embeddings": 32768, "rms_norm_eps": 1e-5}


def rules(config: Config) -> list[TensorRule]:
    """The tensors of a GLM-4; raises ConversionError for a config that makes no sense."""
    n_embd, n_ff = config.integer("hidden_size"), config.integer("intermediate_size")
    layer = (
        *norms_before(config),
        *(
            replace(rule, make=_turned(config, rule.target))
            for rule in attention(config, config.flag("attention_bias"))
        ),
        norm("post_self_attn_layernorm", "post_attention_norm", n_embd),
        TensorRule("mlp.gate_up_proj.weight", "ffn_up.weight", (2 * n_ff, n_embd)),
        TensorRule("mlp.down_proj.weight", "ffn_down.weight", (n_embd, n_ff)),
        norm("post_mlp_layernorm", "post_ffw_norm", n_embd),
    )
    return decoder(config, layer)


def _turned(config: Config, target: str) -> Callable[[Rows], Rows] | None:
    """What becomes of queries and keys where positions have several axes (M-RoPE).

    llama.cpp then rotates the halves of a head against each other, and these models neighbours.
    """
    if "mrope_section" not in rope_parameters(config) or not target.startswith(("attn_q.", "attn_k.")):
        return None
    head_dim, rotated = heads(config)[2], n_rot(config)
    return lambda rows: halved(rows, head_dim, rotated)


def n_rot(config: Config) -> int:
    """How many dimensions of a head are rotated; raises ConversionError for an odd number or too many."""
    head_dim = heads(config)[2]
    rotated = int(head_dim * partial_rotary(config, 0.5))
    if rotated > head_dim or rotated % 2:
        raise ConversionError(f"config.json rotates {rotated} of the {head_dim} dimensions of a head.")
    return rotated


def halved(rows: Rows, head_dim: int, rotated: int) -> Rows:
    """Each head's first `rotated` rows from neighbours 0 a 1 b … to halves 0 1 … | a b …, the rest as they are."""
    return Permuted(rows, (*range(0, rotated, 2), *range(1, rotated, 2), *range(rotated, head_dim)))


def parameters(config: Config, keys: KeyValues, file_type: int) -> None:
    """Adds the keys that describe the network."""
    add_common(config, NAME, keys, file_type)
    keys.uint32(f"{NAME}.rope.dimension_count", n_rot(config))


def family(config: Config) -> Family:
    """Text models and vision-language models differ in what transformers assumes."""
    names = config.get("architectures")
    vision = isinstance(names, list) and names[:1] == ["Glm4vForConditionalGeneration"]
    return replace(FAMILY, defaults=VISION_LANGUAGE_DEFAULTS) if vision else FAMILY


FAMILY = Family(
    name=NAME,
    rules=rules,
    parameters=parameters,
    tokenizer=tokenizers.glm4,
    defaults=DEFAULTS,
    rename=text_name,
    ignored=VISION_PARTS,
)
