"""Llama 1 to 3 and the many models built like them (Mistral, TinyLlama, SmolLM 1 and 2, Yi, the starter)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autoglm_lite.errors import ConversionError
from converters import tokenizers
from converters.architectures.family import Family, TensorRule, in_layers
from converters.architectures.parameters import EXPERTS, add_common, heads, n_layer
from converters.architectures.rope import llama3_factors
from converters.config import Config
from converters.keyvalues import KeyValues
from converters.rows import Rows, interleaved

NAME = "llama"

DEFAULTS = {
    "vocab_size": 32000,
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
}


def rules(config: Config) -> list[TensorRule]:
    """The tensors of a Llama; raises ConversionError for a config that no Llama has."""
    if config.has(EXPERTS):
        raise ConversionError("config.json describes a mixture of Llama experts, which cannot be converted yet.")
    n_vocab, n_embd, n_ff = (config.integer(key) for key in ("vocab_size", "hidden_size", "intermediate_size"))
    n_head, n_head_kv, head_dim = heads(config)
    n_q, n_kv = n_head * head_dim, n_head_kv * head_dim
    attention_bias, mlp_bias = config.flag("attention_bias"), config.flag("mlp_bias")

    def queries(rows: Rows) -> Rows:
        return interleaved(rows, n_head)

    def keys(rows: Rows) -> Rows:
        return interleaved(rows, n_head_kv)

    layer = (
        TensorRule("input_layernorm.weight", "attn_norm.weight", (n_embd,)),
        TensorRule("self_attn.q_proj.weight", "attn_q.weight", (n_q, n_embd), make=queries),
        TensorRule("self_attn.q_proj.bias", "attn_q.bias", (n_q,), attention_bias, queries),
        TensorRule("self_attn.k_proj.weight", "attn_k.weight", (n_kv, n_embd), make=keys),
        TensorRule("self_attn.k_proj.bias", "attn_k.bias", (n_kv,), attention_bias, keys),
        TensorRule("self_attn.v_proj.weight", "attn_v.weight", (n_kv, n_embd)),
        TensorRule("self_attn.v_proj.bias", "attn_v.bias", (n_kv,), attention_bias),
        TensorRule("self_attn.o_proj.weight", "attn_output.weight", (n_embd, n_q)),
        TensorRule("self_attn.o_proj.bias", "attn_output.bias", (n_embd,), attention_bias),
        TensorRule("post_attention_layernorm.weight", "ffn_norm.weight", (n_embd,)),
        TensorRule("mlp.gate_proj.weight", "ffn_gate.weight", (n_ff, n_embd)),
        TensorRule("mlp.gate_proj.bias", "ffn_gate.bias", (n_ff,), mlp_bias),
        TensorRule("mlp.up_proj.weight", "ffn_up.weight", (n_ff, n_embd)),
        TensorRule("mlp.up_proj.bias", "ffn_up.bias", (n_ff,), mlp_bias),
        TensorRule("mlp.down_proj.weight", "ffn_down.weight", (n_embd, n_ff)),
        TensorRule("mlp.down_proj.bias", "ffn_down.bias", (n_embd,), mlp_bias),
    )
    return [
        TensorRule("model.embed_tokens.weight", "token_embd.weight", (n_vocab, n_embd)),
        *in_layers(range(n_layer(config)), layer),
        TensorRule("model.norm.weight", "output_norm.weight", (n_embd,)),
        TensorRule("lm_head.weight", "output.weight", (n_vocab, n_embd), not config.flag("tie_word_embeddings")),
    ]


def parameters(config: Config, keys: KeyValues, file_type: int) -> None:
    """Adds the keys that describe the network."""
    n_head, n_head_kv, head_dim = heads(config)
    # transformers fills in both when the config is silent.
    whole = config.with_values({"num_key_value_heads": n_head_kv, "head_dim": head_dim})
    add_common(whole, NAME, keys, file_type)
    keys.uint32(f"{NAME}.vocab_size", config.integer("vocab_size"))
    keys.uint32(f"{NAME}.rope.dimension_count", head_dim)


def tokenizer(folder: Path, config: Config, keys: KeyValues) -> None:
    """The tokenizer's files, and what only the size of the vocabulary tells, as llama.cpp's converter has it."""
    tokenizers.add_tokenizer(folder, config, keys)
    n_vocab = config.integer("vocab_size")
    if n_vocab == 32016:
        # Code Llama: its infill tokens are in no file of the checkpoint.
        for number, name in enumerate(("prefix", "suffix", "middle", "eot"), 32007):
            keys.uint32(f"tokenizer.ggml.{name}_token_id", number)
    if n_vocab == 49152:
        # Granite and SmolLM: their tokenizers never put a BOS in front.
        keys.boolean("tokenizer.ggml.add_bos_token", False)


def generated(config: Config) -> Sequence[tuple[str, tuple[float, ...]]]:
    """Llama 3.1's frequency factors."""
    return llama3_factors(config, heads(config)[2])


FAMILY = Family(
    name=NAME, rules=rules, parameters=parameters, tokenizer=tokenizer, defaults=DEFAULTS, generated=generated
)
