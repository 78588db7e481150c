"""The tensors that most decoders share, under the names that transformers gives them, and what is done to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from converters.architectures.family import TensorRule, in_layers
from converters.architectures.parameters import FEED_FORWARD, heads, n_layer
from converters.config import Config
from converters.rows import Rows, interleaved

Make = Callable[[Rows], Rows]

VISION_PARTS = r"(^|\.)(visual|vision_tower|vision_model|multi_modal_projector)\.|\.rotary_emb\.inv_freq$"
"""Finds the tensors of a multimodal checkpoint that its language model has no use for."""


def decoder(config: Config, layer: Sequence[TensorRule], make_norm: Make | None = None) -> list[TensorRule]:
    """A whole network: the embedding, the rules of `layer` for every layer, the last norm and the output matrix."""
    n_vocab, n_embd = config.integer("vocab_size"), config.integer("hidden_size")
    return [
        TensorRule("model.embed_tokens.weight", "token_embd.weight", (n_vocab, n_embd)),
        *in_layers(range(n_layer(config)), layer),
        norm("model.norm", "output_norm", n_embd, make_norm),
        TensorRule("lm_head.weight", "output.weight", (n_vocab, n_embd), not config.flag("tie_word_embeddings")),
    ]


def norm(source: str, target: str, size: int, make: Make | None = None) -> TensorRule:
    """The weight of an RMS norm over `size` values."""
    return TensorRule(f"{source}.weight", f"{target}.weight", (size,), make=make)


def projection(
    source: str, target: str, shape: tuple[int, int], bias: bool = False, make: Make | None = None
) -> tuple[TensorRule, TensorRule]:
    """A matrix of `shape`, and the bias that a checkpoint may have, or must when `bias` says so."""
    return (
        TensorRule(f"{source}.weight", f"{target}.weight", shape, make=make),
        TensorRule(f"{source}.bias", f"{target}.bias", shape[:1], bias, make),
    )


def attention(
    config: Config, bias: bool = False, output_bias: bool = False, rotates_neighbours: bool = False
) -> tuple[TensorRule, ...]:
    """The four projections of an attention layer.

    `rotates_neighbours` is for the architectures of llama.cpp whose rotary embedding is that of the first Llama.
    """
    n_embd = config.integer("hidden_size")
    n_head, n_head_kv, head_dim = heads(config)

    def queries(rows: Rows) -> Rows:
        return interleaved(rows, n_head)

    def keys(rows: Rows) -> Rows:
        return interleaved(rows, n_head_kv)

    n_q, n_kv = n_head * head_dim, n_head_kv * head_dim
    return (
        *projection("self_attn.q_proj", "attn_q", (n_q, n_embd), bias, queries if rotates_neighbours else None),
        *projection("self_attn.k_proj", "attn_k", (n_kv, n_embd), bias, keys if rotates_neighbours else None),
        *projection("self_attn.v_proj", "attn_v", (n_kv, n_embd), bias),
        *projection("self_attn.o_proj", "attn_output", (n_embd, n_q), output_bias),
    )


def feed_forward(config: Config, bias: bool = False) -> tuple[TensorRule, ...]:
    """A gated feed-forward layer."""
    n_embd, n_ff = config.integer("hidden_size"), config.integer(FEED_FORWARD)
    return (
        *projection("mlp.gate_proj", "ffn_gate", (n_ff, n_embd), bias),
        *projection("mlp.up_proj", "ffn_up", (n_ff, n_embd), bias),
        *projection("mlp.down_proj", "ffn_down", (n_embd, n_ff), bias),
    )


def norms_before(config: Config) -> tuple[TensorRule, TensorRule]:
    """The norms before attention and before the feed-forward layer, where most networks have theirs."""
    n_embd = config.integer("hidden_size")
    return (
        norm("input_layernorm", "attn_norm", n_embd),
        norm("post_attention_layernorm", "ffn_norm", n_embd),
    )


def head_norms(config: Config) -> tuple[TensorRule, TensorRule]:
    """The norms over each head of the queries and keys."""
    head_dim = heads(config)[2]
    return (
        norm("self_attn.q_norm", "attn_q_norm", head_dim),
        norm("self_attn.k_norm", "attn_k_norm", head_dim),
    )


def with_key_value_heads(config: Config) -> Config:
    """The config with the number of key-value heads, which transformers fills in where it is null or absent."""
    return config.with_values({"num_key_value_heads": heads(config)[1]})


def text_name(name: str) -> str:
    """The name of a tensor in a multimodal checkpoint as a checkpoint of its language model alone has it."""
    return name.replace("language_model.", "")
