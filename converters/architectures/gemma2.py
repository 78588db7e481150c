"""Gemma 2: norms around every part, and logits that are capped softly."""

from __future__ import annotations

from converters import tokenizers
from converters.architectures.decoder import attention, decoder, feed_forward, norm
from converters.architectures.family import Family, TensorRule
from converters.architectures.parameters import heads, n_layer
from converters.config import Config
from converters.keyvalues import KeyValues
from converters.rows import Plus, Rows

NAME = "gemma2"

DEFAULTS = {
    "vocab_size": 256000,
    "hidden_size": 2304,
    "intermediate_size": 9216,
    "num_hidden_layers": 26,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 256,
    "max_position_embeddings": 8192,
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
    "sliding_window": 4096,
    "attn_logit_softcapping": 50.0,
    "final_logit_softcapping": 30.0,
    "tie_word_embeddings": True,
}


def plus_one(rows: Rows) -> Rows:
    """Gemma's norms multiply by one more than the weight, llama.cpp's by the weight."""
    return Plus(rows, 1.0)


def norms_around(config: Config) -> tuple[TensorRule, ...]:
    """The norms before and after attention, and before and after the feed-forward layer."""
    n_embd = config.integer("hidden_size")
    return tuple(
        norm(source, target, n_embd, plus_one)
        for source, target in (
            ("input_layernorm", "attn_norm"),
            ("post_attention_layernorm", "post_attention_norm"),
            ("pre_feedforward_layernorm", "ffn_norm"),
            ("post_feedforward_layernorm", "post_ffw_norm"),
        )
    )


def rules(config: Config) -> list[TensorRule]:
    """The tensors of the network, whose output matrix is its embedding."""
    layer = (*norms_around(config), *attention(config), *feed_forward(config))
    return [rule for rule in decoder(config, layer, plus_one) if rule.target != "output.weight"]


def parameters(config: Config, keys: KeyValues, file_type: int) -> None:
    """Adds the keys that describe the network, in the order that convert_hf_to_gguf has for Gemma."""
    n_head, n_head_kv, head_dim = heads(config)
    for target, value in (
        ("context_length", config.integer("max_position_embeddings")),
        ("embedding_length", config.integer("hidden_size")),
        ("block_count", n_layer(config)),
        ("feed_forward_length", config.integer("intermediate_size")),
        ("attention.head_count", n_head),
        ("attention.head_count_kv", n_head_kv),
    ):
        keys.uint32(f"{NAME}.{target}", value)
    keys.float32(f"{NAME}.attention.layer_norm_rms_epsilon", config.number("rms_norm_eps"))
    keys.uint32(f"{NAME}.attention.key_length", head_dim)
    keys.uint32(f"{NAME}.attention.value_length", head_dim)
    keys.uint32("general.file_type", file_type)
    keys.float32(f"{NAME}.attn_logit_softcapping", config.number("attn_logit_softcapping"))
    keys.float32(f"{NAME}.final_logit_softcapping", config.number("final_logit_softcapping"))
    keys.uint32(f"{NAME}.attention.sliding_window", config.integer("sliding_window"))


FAMILY = Family(
    name=NAME,
    rules=rules,
    parameters=parameters,
    tokenizer=tokenizers.gemma,
    defaults=DEFAULTS,
    # Some quantisation tools leave a copy of the embedding behind.
    ignored=r"\.rotary_emb\.inv_freq$|^lm_head\.weight$",
)
