"""The metadata that all families share, under the names that transformers has used for it, in one order."""

from __future__ import annotations

from autoglm_lite.errors import ConversionError
from converters.architectures.family import MAX_EXPERTS, MAX_LAYERS
from converters.architectures.rope import add_rope
from converters.config import Config
from converters.keyvalues import KeyValues

LAYERS = ("n_layers", "num_hidden_layers", "n_layer", "num_layers")
CONTEXT = ("max_position_embeddings", "n_ctx", "n_positions", "max_length", "max_sequence_length", "model_max_length")
EMBEDDING = ("hidden_size", "n_embd", "dim")
FEED_FORWARD = (
    "prefix_dense_intermediate_size",
    "dense_intermediate_size",
    "intermediate_size",
    "n_inner",
    "hidden_dim",
)
HEADS = ("num_attention_heads", "n_head", "n_heads")
KEY_VALUE_HEADS = ("num_key_value_heads", "n_kv_heads")
EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts")
EXPERTS_USED = ("num_experts_per_tok", "num_experts_per_token", "top_k_experts")
GATING = (
    "score_function",
    "scoring_func",
    "score_func",
    "moe_router_activation",
    "moe_router_activation_func",
    "expert_selection_fn",
)
GATING_FUNCTIONS = {"softmax": 1, "sigmoid": 2}
"""`expert_gating_func` in llama.cpp."""


def n_layer(config: Config) -> int:
    """Layers of the network; raises ConversionError when the config gives none that llama.cpp could run."""
    return config.integer(LAYERS, most=MAX_LAYERS)


def heads(config: Config) -> tuple[int, int, int]:
    """Query heads, key-value heads, and dimensions of a head; raises ConversionError when they do not fit together."""
    n_head = config.integer(HEADS, most=1 << 16)
    n_head_kv = config.integer(KEY_VALUE_HEADS, most=n_head) if config.has(KEY_VALUE_HEADS) else n_head
    if config.has("head_dim"):
        head_dim = config.integer("head_dim", most=1 << 16)
    else:
        head_dim = config.integer(EMBEDDING) // n_head
    if head_dim < 2 or head_dim % 2 or n_head % n_head_kv:
        raise ConversionError(
            f"config.json gives {n_head} heads of {head_dim} dimensions over {n_head_kv} key-value heads, "
            "which do not fit together."
        )
    return n_head, n_head_kv, head_dim


def n_expert(config: Config) -> int:
    """Experts of a layer that mixes them."""
    return config.integer(EXPERTS, most=MAX_EXPERTS)


def add_common(
    config: Config,
    name: str,
    keys: KeyValues,
    file_type: int,
    n_layers: int | None = None,
    long_factors: bool = False,
) -> None:
    """Adds what convert_hf_to_gguf writes for every text model, `general.file_type` last.

    `n_layers` stands in for the config's own number where a family counts more (prediction layers); `long_factors`
    is for add_rope.
    Order and aliases: TextModel.set_gguf_parameters in llama.cpp's conversion/base.py.
    """
    keys.uint32(f"{name}.block_count", n_layers if n_layers is not None else n_layer(config))
    for sources, target in (
        (CONTEXT, "context_length"),
        (EMBEDDING, "embedding_length"),
        (FEED_FORWARD, "feed_forward_length"),
        (HEADS, "attention.head_count"),
        (KEY_VALUE_HEADS, "attention.head_count_kv"),
    ):
        if config.has(sources):
            keys.uint32(f"{name}.{target}", config.integer(sources))
    add_rope(config, name, keys, long_factors)
    for epsilons, target in (
        (("rms_norm_eps", "norm_eps"), "layer_norm_rms_epsilon"),
        (("layer_norm_eps", "layer_norm_epsilon", "norm_epsilon"), "layer_norm_epsilon"),
    ):
        if config.has(epsilons):
            keys.float32(f"{name}.attention.{target}", config.number(epsilons))
    for counted, target in (
        (EXPERTS, "expert_count"),
        (EXPERTS_USED, "expert_used_count"),
        (("n_group",), "expert_group_count"),
        (("topk_group",), "expert_group_used_count"),
    ):
        if config.has(counted):
            keys.uint32(f"{name}.{target}", config.integer(counted, least=0, most=MAX_EXPERTS))
    if (gating := config.first(GATING)) is not None:
        if not isinstance(gating, str) or gating not in GATING_FUNCTIONS:
            raise ConversionError(f"config.json chooses experts by {str(gating)[:40]}, which cannot be converted yet.")
        keys.uint32(f"{name}.expert_gating_func", GATING_FUNCTIONS[gating])
    if config.has("head_dim"):
        keys.uint32(f"{name}.attention.key_length", config.integer("head_dim"))
        keys.uint32(f"{name}.attention.value_length", config.integer("head_dim"))
    keys.uint32("general.file_type", file_type)
