"""InternLM 2 and 2.5: a Llama under other names, whose queries, keys and values are one matrix."""

from __future__ import annotations

from autoglm_lite.errors import ConversionError
from converters import tokenizers
from converters.architectures.family import Family, TensorRule, in_layers
from converters.architectures.parameters import add_common, heads, n_layer
from converters.config import Config
from converters.keyvalues import KeyValues
from converters.rows import Rows, interleaved, part

NAME = "internlm2"


def rules(config: Config) -> list[TensorRule]:
    """The tensors of the network; raises ConversionError for biases, which no release has."""
    if config.flag("bias"):
        raise ConversionError("config.json gives the InternLM2 biases, which cannot be converted yet.")
    n_vocab, n_embd, n_ff = (config.integer(key) for key in ("vocab_size", "hidden_size", "intermediate_size"))
    n_head, n_head_kv, head_dim = heads(config)
    n_shared = n_head // n_head_kv
    fused, shape = "attention.wqkv.weight", ((n_head + 2 * n_head_kv) * head_dim, n_embd)

    # For each key-value head there follow one another: the heads of queries that share it, the keys, the values.
    def picked(rows: Rows, first: int, count: int) -> Rows:
        return part(rows, first * head_dim, (first + count) * head_dim, (n_shared + 2) * head_dim)

    def queries(rows: Rows) -> Rows:
        return interleaved(picked(rows, 0, n_shared), n_head)

    def keys(rows: Rows) -> Rows:
        return interleaved(picked(rows, n_shared, 1), n_head_kv)

    def values(rows: Rows) -> Rows:
        return picked(rows, n_shared + 1, 1)

    layer = (
        TensorRule("attention_norm.weight", "attn_norm.weight", (n_embd,)),
        TensorRule(fused, "attn_q.weight", shape, make=queries),
        TensorRule(fused, "attn_k.weight", shape, make=keys),
        TensorRule(fused, "attn_v.weight", shape, make=values),
        TensorRule("attention.wo.weight", "attn_output.weight", (n_embd, n_head * head_dim)),
        TensorRule("ffn_norm.weight", "ffn_norm.weight", (n_embd,)),
        TensorRule("feed_forward.w1.weight", "ffn_gate.weight", (n_ff, n_embd)),
        TensorRule("feed_forward.w2.weight", "ffn_down.weight", (n_embd, n_ff)),
        TensorRule("feed_forward.w3.weight", "ffn_up.weight", (n_ff, n_embd)),
    )
    return [
        TensorRule("model.tok_embeddings.weight", "token_embd.weight", (n_vocab, n_embd)),
        *in_layers(range(n_layer(config)), layer),
        TensorRule("model.norm.weight", "output_norm.weight", (n_embd,)),
        TensorRule("output.weight", "output.weight", (n_vocab, n_embd), not config.flag("tie_word_embeddings")),
    ]


def parameters(config: Config, keys: KeyValues, file_type: int) -> None:
    """Adds the keys that describe the network."""
    add_common(config, NAME, keys, file_type)


FAMILY = Family(name=NAME, rules=rules, parameters=parameters, tokenizer=tokenizers.internlm2)
