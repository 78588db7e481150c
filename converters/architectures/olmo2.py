"""OLMo 2, whose norms follow the layers, and OLMo 3, which adds a sliding window to three layers in four."""

from __future__ import annotations

from dataclasses import replace

from autoglm_lite.errors import ConversionError
from converters import tokenizers
from converters.architectures.decoder import attention, decoder, feed_forward, norm, with_key_value_heads
from converters.architectures.family import Family, TensorRule
from converters.architectures.parameters import add_common, heads, n_layer
from converters.config import Config
from converters.keyvalues import KeyValues, ValueType

NAME = "olmo2"

DEFAULTS = {
    "vocab_size": 50304,
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
}


def rules(config: Config) -> list[TensorRule]:
    """The tensors of the network."""
    n_embd, bias = config.integer("hidden_size"), config.flag("attention_bias")
    n_head, n_head_kv, head_dim = heads(config)
    layer = (
        *attention(config, bias, bias),
        norm("self_attn.q_norm", "attn_q_norm", n_head * head_dim),
        norm("self_attn.k_norm", "attn_k_norm", n_head_kv * head_dim),
        norm("post_attention_layernorm", "post_attention_norm", n_embd),
        *feed_forward(config),
        norm("post_feedforward_layernorm", "post_ffw_norm", n_embd),
    )
    return decoder(config, layer)


def parameters(config: Config, keys: KeyValues, file_type: int) -> None:
    """Adds the keys that describe the network."""
    add_common(with_key_value_heads(config), NAME, keys, file_type)
    if config.has("sliding_window"):
        keys.uint32(f"{NAME}.attention.sliding_window", config.integer("sliding_window"))
        keys.array(f"{NAME}.attention.sliding_window_pattern", ValueType.BOOL, _sliding_layers(config))


def family(config: Config) -> Family:
    """OLMo 2 or 3, by the name of the architecture, which `find_family` has looked at already."""
    if config.get("architectures")[0] == "Olmo3ForCausalLM":
        return replace(FAMILY, defaults={**DEFAULTS, "sliding_window": 4096})
    return FAMILY


def _sliding_layers(config: Config) -> list[bool]:
    count = n_layer(config)
    kinds = config.get("layer_types")
    if kinds is None:
        return [layer % 4 != 3 for layer in range(count)]
    if not isinstance(kinds, list) or len(kinds) != count:
        raise ConversionError(f"config.json gives layer_types as something else than a list of {count} names.")
    return [kind == "sliding_attention" for kind in kinds]


FAMILY = Family(name=NAME, rules=rules, parameters=parameters, tokenizer=tokenizers.bpe, defaults=DEFAULTS)
