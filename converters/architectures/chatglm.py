"""GLM-4-9B and GLM-Edge in the form of their own repositories (`transformer.encoder.layers…`); ChatGLM 2 and 3."""

from __future__ import annotations

from autoglm_lite.errors import ConversionError
from converters import tokenizers
from converters.architectures.family import Family, TensorRule, in_layers
from converters.architectures.parameters import n_layer
from converters.architectures.rope import partial_rotary
from converters.config import Config
from converters.keyvalues import KeyValues

NAME = "chatglm"

HEADS = ("n_head", "num_attention_heads")
KEY_VALUE_HEADS = ("multi_query_group_num", "num_key_value_heads")
FEED_FORWARD = ("ffn_hidden_size", "intermediate_size")
VOCABULARY = ("padded_vocab_size", "vocab_size")
EPSILON = 1e-5
ROPE_BASE = 10000.0

ONLY = {
    "add_bias_linear": False,
    "apply_residual_connection_post_layernorm": False,
    "multi_query_attention": True,
    "post_layer_norm": True,
    "rmsnorm": True,
}
"""Choices that the code of these models has and llama.cpp has not, each with the value that every release has."""


def heads(config: Config) -> tuple[int, int, int]:
    """Query heads, key-value heads, and dimensions of a head, which llama.cpp takes to share out the hidden size."""
    n_embd, n_head = config.integer("hidden_size"), config.integer(HEADS, most=1 << 16)
    n_head_kv = config.integer(KEY_VALUE_HEADS, most=n_head) if config.has(KEY_VALUE_HEADS) else n_head
    stated = config.first(("kv_channels", "head_dim"))
    if n_embd % (2 * n_head) or n_head % n_head_kv or stated not in (None, n_embd // n_head):
        raise ConversionError(
            f"config.json shares a hidden size of {n_embd} out to {n_head} heads and {n_head_kv} key-value heads, "
            "which do not fit together."
        )
    return n_head, n_head_kv, n_embd // n_head


def n_ff(config: Config) -> int:
    """The inner width of the feed-forward network."""
    return config.integer(FEED_FORWARD) if config.has(FEED_FORWARD) else 4 * config.integer("hidden_size")


def rules(config: Config) -> list[TensorRule]:
    """The tensors of a ChatGLM; raises ConversionError for a config that llama.cpp cannot run."""
    for key, value in ONLY.items():
        if config.get(key) not in (None, value):
            raise ConversionError(f"config.json gives {key} as {not value}, which llama.cpp has no way to run.")
    n_vocab, n_embd, width = config.integer(VOCABULARY), config.integer("hidden_size"), n_ff(config)
    n_head, n_head_kv, head_dim = heads(config)
    n_qkv = (n_head + 2 * n_head_kv) * head_dim
    layer = (
        TensorRule("input_layernorm.weight", "attn_norm.weight", (n_embd,)),
        TensorRule("self_attention.query_key_value.weight", "attn_qkv.weight", (n_qkv, n_embd)),
        TensorRule("self_attention.query_key_value.bias", "attn_qkv.bias", (n_qkv,), config.flag("add_qkv_bias")),
        TensorRule("self_attention.dense.weight", "attn_output.weight", (n_embd, n_embd)),
        TensorRule("post_attention_layernorm.weight", "ffn_norm.weight", (n_embd,)),
        TensorRule("mlp.dense_h_to_4h.weight", "ffn_up.weight", (2 * width, n_embd)),
        TensorRule("mlp.dense_4h_to_h.weight", "ffn_down.weight", (n_embd, width)),
    )
    tied = config.flag("tie_word_embeddings")
    return [
        TensorRule("embedding.word_embeddings.weight", "token_embd.weight", (n_vocab, n_embd)),
        *in_layers(range(n_layer(config)), layer, "encoder.layers."),
        TensorRule("encoder.final_layernorm.weight", "output_norm.weight", (n_embd,)),
        TensorRule("output_layer.weight", "output.weight", (n_vocab, n_embd), not tied),
    ]


def parameters(config: Config, keys: KeyValues, file_type: int) -> None:
    """Adds the keys that describe the network, in the order of ChatGLMModel in llama.cpp's conversion/chatglm.py."""
    n_embd = config.integer("hidden_size")
    n_head, n_head_kv, head_dim = heads(config)
    whole = config.integer("attention_dim") if config.has("attention_dim") else head_dim
    n_rot = int(whole * partial_rotary(config, 0.5))
    if n_rot > head_dim or n_rot % 2:
        raise ConversionError(f"config.json rotates {n_rot} of the {head_dim} dimensions of a head.")
    keys.uint32(f"{NAME}.context_length", config.integer("seq_length") if config.has("seq_length") else n_embd)
    keys.uint32(f"{NAME}.embedding_length", n_embd)
    keys.uint32(f"{NAME}.feed_forward_length", n_ff(config))
    keys.uint32(f"{NAME}.block_count", n_layer(config))
    keys.uint32(f"{NAME}.attention.head_count", n_head)
    keys.uint32(f"{NAME}.attention.head_count_kv", n_head_kv)
    epsilon = config.number("layernorm_epsilon") if config.has("layernorm_epsilon") else EPSILON
    keys.float32(f"{NAME}.attention.layer_norm_rms_epsilon", epsilon)
    keys.uint32("general.file_type", file_type)
    keys.uint32(f"{NAME}.rope.dimension_count", n_rot)
    keys.boolean("tokenizer.ggml.add_bos_token", False)
    ratio = config.number("rope_ratio") if config.has("rope_ratio") else 1.0
    keys.float32(f"{NAME}.rope.freq_base", ROPE_BASE * ratio)


def rename(name: str) -> str:
    """The name without the prefix that all tensors of these models have."""
    return name.removeprefix("transformer.")


FAMILY = Family(
    name=NAME,
    rules=rules,
    parameters=parameters,
    tokenizer=tokenizers.chatglm,
    rename=rename,
    # GLM-4V-9B's image encoder, for which llama.cpp has no projector.
    ignored=r"rotary_pos_emb\.inv_freq$|^vision\.",
)
