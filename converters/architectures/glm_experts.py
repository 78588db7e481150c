"""What GLM's mixtures of experts have in common: routed and shared experts, and layers that predict a token more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from converters.architectures.decoder import decoder, feed_forward
from converters.architectures.family import MAX_LAYERS, TensorRule, in_layers
from converters.architectures.parameters import n_expert, n_layer
from converters.config import Config

NEXT = "num_nextn_predict_layers"


def n_next(config: Config) -> int:
    """Layers after the last one that predict a token more."""
    return config.integer(NEXT, least=0, most=MAX_LAYERS) if config.has(NEXT) else 0


def n_dense(config: Config) -> int:
    """How many of the first layers have one network instead of experts."""
    has = config.has("first_k_dense_replace")
    return config.integer("first_k_dense_replace", least=0, most=MAX_LAYERS) if has else 0


def n_shared(config: Config) -> int:
    """How many experts every token goes through."""
    return config.integer("n_shared_experts", least=0, most=1 << 16) if config.has("n_shared_experts") else 0


def model_rules(config: Config, layer: Sequence[TensorRule]) -> list[TensorRule]:
    """All tensors of a model whose layers have those of `layer`, and then one network or experts."""
    n_main, dense = n_layer(config), n_dense(config)
    found = decoder(config, ())
    for number in range(n_main + n_next(config)):
        parts = [*layer, *(feed_forward(config) if number < dense else _expert_rules(config))]
        if number >= n_main:
            # transformers drops prediction layers when it saves a model, and the model runs without them.
            parts = [replace(rule, needed=False) for rule in (*parts, *_next_rules(config))]
        found += in_layers((number,), parts)
    return found


def _expert_rules(config: Config) -> list[TensorRule]:
    """The experts of a layer and what chooses among them; down comes first, as in convert_hf_to_gguf's files."""
    n_embd, n_ff, count = config.integer("hidden_size"), config.integer("moe_intermediate_size"), n_expert(config)
    n_all = n_shared(config) * n_ff
    found = [
        TensorRule("mlp.gate.weight", "ffn_gate_inp.weight", (count, n_embd)),
        TensorRule("mlp.gate.e_score_correction_bias", "exp_probs_b.bias", (count,)),
    ]
    for kind in ("down", "gate", "up"):
        shape, shared = ((n_embd, n_ff), (n_embd, n_all)) if kind == "down" else ((n_ff, n_embd), (n_all, n_embd))
        source = f"mlp.experts.{{expert}}.{kind}_proj.weight"
        found.append(TensorRule(source, f"ffn_{kind}_exps.weight", shape, experts=count))
        if n_all:
            found.append(TensorRule(f"mlp.shared_experts.{kind}_proj.weight", f"ffn_{kind}_shexp.weight", shared))
    return found


def _next_rules(config: Config) -> tuple[TensorRule, ...]:
    """What a prediction layer has beside an ordinary layer's tensors."""
    n_vocab, n_embd = config.integer("vocab_size"), config.integer("hidden_size")
    return (
        TensorRule("eh_proj.weight", "nextn.eh_proj.weight", (n_embd, 2 * n_embd)),
        TensorRule("enorm.weight", "nextn.enorm.weight", (n_embd,)),
        TensorRule("hnorm.weight", "nextn.hnorm.weight", (n_embd,)),
        TensorRule("embed_tokens.weight", "nextn.embed_tokens.weight", (n_vocab, n_embd)),
        TensorRule("shared_head.head.weight", "nextn.shared_head_head.weight", (n_vocab, n_embd)),
        TensorRule("shared_head.norm.weight", "nextn.shared_head_norm.weight", (n_embd,)),
    )
