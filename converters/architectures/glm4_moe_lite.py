"""GLM-4.7-Flash (`Glm4MoeLiteForCausalLM`): a mixture of experts with multi-head latent attention, as DeepSeek-V2."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from autoglm_lite.errors import ConversionError
from converters import tokenizers
from converters.architectures import glm_experts
from converters.architectures.family import Family, TensorRule
from converters.architectures.parameters import HEADS, KEY_VALUE_HEADS, add_common, n_expert, n_layer
from converters.architectures.rope import rope_parameters
from converters.config import Config, positive_number
from converters.keyvalues import KeyValues
from converters.rows import Reshaped, Rows, Whole, part

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

NAME = "deepseek2"


def rules(config: Config) -> list[TensorRule]:
    """The tensors of a GLM-4.7-Flash; raises ConversionError for a config that llama.cpp cannot run."""
    if config.flag("attention_bias"):
        raise ConversionError("config.json gives latent attention a bias, which llama.cpp has no way to run.")
    n_embd = config.integer("hidden_size")
    n_head, rank, nope, n_rot, n_value = latent(config)

    def keys_of(rows: Rows) -> Rows:
        # llama.cpp multiplies queries with this matrix, so each head's is turned over.
        return Whole(rows, (n_head, rank, nope), lambda values: _head_keys(values, n_head, nope))

    def values_of(rows: Rows) -> Rows:
        return Reshaped(part(rows, nope, nope + n_value, nope + n_value), (n_head, n_value, rank))

    q_rank = config.integer("q_lora_rank")
    both = (n_head * (nope + n_value), rank)
    layer = (
        TensorRule("input_layernorm.weight", "attn_norm.weight", (n_embd,)),
        TensorRule("self_attn.q_a_proj.weight", "attn_q_a.weight", (q_rank, n_embd)),
        TensorRule("self_attn.q_a_layernorm.weight", "attn_q_a_norm.weight", (q_rank,)),
        TensorRule("self_attn.q_b_proj.weight", "attn_q_b.weight", (n_head * (nope + n_rot), q_rank)),
        TensorRule("self_attn.kv_a_proj_with_mqa.weight", "attn_kv_a_mqa.weight", (rank + n_rot, n_embd)),
        TensorRule("self_attn.kv_a_layernorm.weight", "attn_kv_a_norm.weight", (rank,)),
        TensorRule("self_attn.kv_b_proj.weight", "attn_k_b.weight", both, make=keys_of),
        TensorRule("self_attn.kv_b_proj.weight", "attn_v_b.weight", both, make=values_of),
        TensorRule("self_attn.o_proj.weight", "attn_output.weight", (n_embd, n_head * n_value)),
        TensorRule("post_attention_layernorm.weight", "ffn_norm.weight", (n_embd,)),
    )
    return glm_experts.model_rules(config, layer)


def latent(config: Config) -> tuple[int, int, int, int, int]:
    """Heads, dimensions of the latent space, and of a head: unrotated and rotated ones of keys, those of values."""
    n_head = config.integer(HEADS, most=1 << 16)
    if config.has(KEY_VALUE_HEADS) and config.integer(KEY_VALUE_HEADS) != n_head:
        raise ConversionError("config.json gives latent attention fewer key-value heads than heads.")
    rank = config.integer("kv_lora_rank") if config.has("kv_lora_rank") else 512
    nope, n_rot, n_value = (
        config.integer(key, most=1 << 16) for key in ("qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim")
    )
    return n_head, rank, nope, n_rot, n_value


def _head_keys(values: npt.NDArray[np.float32], n_head: int, nope: int) -> npt.NDArray[np.float32]:
    turned: npt.NDArray[np.float32] = values.reshape(n_head, -1, values.shape[-1])[:, :nope].swapaxes(1, 2)
    return turned


def parameters(config: Config, keys: KeyValues, file_type: int) -> None:
    """Adds the keys that describe the network, in the order of DeepseekV2Model in llama.cpp's conversion/deepseek.py.

    llama.cpp runs latent attention as one key-value head, which all heads share.
    """
    _, rank, nope, n_rot, n_value = latent(config)
    epsilon = config.number("rms_norm_eps") if config.has("rms_norm_eps") else 1e-6
    shared = config.with_values({"num_key_value_heads": 1, "rms_norm_eps": epsilon})
    add_common(shared, NAME, keys, file_type, n_layer(config) + glm_experts.n_next(config))
    keys.uint32(f"{NAME}.leading_dense_block_count", glm_experts.n_dense(config))
    keys.uint32(f"{NAME}.vocab_size", config.integer("vocab_size"))
    keys.uint32(f"{NAME}.attention.q_lora_rank", config.integer("q_lora_rank"))
    keys.uint32(f"{NAME}.attention.kv_lora_rank", rank)
    keys.uint32(f"{NAME}.attention.key_length", rank + n_rot)
    keys.uint32(f"{NAME}.attention.value_length", rank)
    keys.uint32(f"{NAME}.attention.key_length_mla", nope + n_rot)
    keys.uint32(f"{NAME}.attention.value_length_mla", n_value)
    keys.uint32(f"{NAME}.expert_feed_forward_length", config.integer("moe_intermediate_size"))
    keys.uint32(f"{NAME}.expert_count", n_expert(config))
    keys.uint32(f"{NAME}.expert_shared_count", glm_experts.n_shared(config))
    if config.has("routed_scaling_factor"):
        keys.float32(f"{NAME}.expert_weights_scale", config.number("routed_scaling_factor"))
    if config.flag("norm_topk_prob"):
        keys.boolean(f"{NAME}.expert_weights_norm", True)
    keys.uint32(f"{NAME}.rope.dimension_count", n_rot)
    if (scale := rope_parameters(config).get("mscale_all_dim")) is not None:
        keys.float32(f"{NAME}.rope.scaling.yarn_log_multiplier", 0.1 * positive_number(scale, "mscale_all_dim"))
    if glm_experts.n_next(config):
        keys.uint32(f"{NAME}.nextn_predict_layers", glm_experts.n_next(config))


def family(config: Config) -> Family:
    """An output matrix beside tied embeddings is left out, as by convert_hf_to_gguf."""
    if config.get("tie_word_embeddings") is True:
        return replace(FAMILY, ignored=rf"{FAMILY.ignored}|^lm_head\.")
    return FAMILY


FAMILY = Family(name=NAME, rules=rules, parameters=parameters, tokenizer=tokenizers.glm)
