"""Families that transformers knows only as code in a repository, as a class of its own that computes the same.

Each function takes config.json and the tensors, and gives the config and the tensors of that class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Parts = tuple[dict[str, Any], dict[str, Any]]

COMMON = ("hidden_size", "num_attention_heads", "vocab_size", "bos_token_id", "eos_token_id", "pad_token_id")
LLAMA = (*COMMON, "intermediate_size", "num_hidden_layers", "num_key_value_heads", "rms_norm_eps", "rope_theta")


def glm(config: Mapping[str, Any], tensors: Mapping[str, Any]) -> Parts:
    """ChatGLM's own form as GLM: fused queries, keys and values, and other names."""
    heads, groups, head = (config[key] for key in ("num_attention_heads", "multi_query_group_num", "kv_channels"))
    found = {key: config[key] for key in COMMON if key in config} | {
        "architectures": ["GlmForCausalLM"],
        "model_type": "glm",
        "attention_bias": config["add_qkv_bias"],
        "head_dim": head,
        "intermediate_size": config["ffn_hidden_size"],
        "num_hidden_layers": config["num_layers"],
        "num_key_value_heads": groups,
        "partial_rotary_factor": 0.5,
        "rms_norm_eps": config["layernorm_epsilon"],
        "rope_theta": 10000.0 * config["rope_ratio"],
        "vocab_size": config["padded_vocab_size"],
    }
    names = {
        "transformer.embedding.word_embeddings": "model.embed_tokens",
        "transformer.encoder.final_layernorm": "model.norm",
        "transformer.output_layer": "lm_head",
        "transformer.encoder.layers": "model.layers",
        "self_attention.dense": "self_attn.o_proj",
        "self_attention.query_key_value": "self_attn.qkv",
        "mlp.dense_h_to_4h": "mlp.gate_up_proj",
        "mlp.dense_4h_to_h": "mlp.down_proj",
    }
    renamed = {_replace(name, names): tensor for name, tensor in tensors.items() if not name.endswith("inv_freq")}
    for name in [name for name in renamed if ".qkv." in name]:
        parts = renamed.pop(name).split([heads * head, groups * head, groups * head])
        renamed |= {name.replace("qkv", f"{part}_proj"): tensor for part, tensor in zip("qkv", parts, strict=True)}
    return found, renamed


def granite(config: Mapping[str, Any], tensors: Mapping[str, Any]) -> Parts:
    """MiniCPM as Granite, which has the same three multipliers; its embeddings are tied."""
    found = {key: config[key] for key in LLAMA if key in config} | {
        "architectures": ["GraniteForCausalLM"],
        "model_type": "granite",
        "attention_multiplier": (config["hidden_size"] // config["num_attention_heads"]) ** -0.5,
        "embedding_multiplier": config["scale_emb"],
        "logits_scaling": config["hidden_size"] / config["dim_model_base"],
        "residual_multiplier": config["scale_depth"] / config["num_hidden_layers"] ** 0.5,
        "tie_word_embeddings": True,
    }
    return found, dict(tensors)


def llama(config: Mapping[str, Any], tensors: Mapping[str, Any]) -> Parts:
    """InternLM 2 and 3 as Llama; their scaling begins where the context ends. InternLM 2 fuses by groups of heads."""
    found = {key: config[key] for key in LLAMA} | {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}
    heads, groups = config["num_attention_heads"], config["num_key_value_heads"]
    names = {
        "model.tok_embeddings": "model.embed_tokens",
        "output.weight": "lm_head.weight",
        "attention_norm": "input_layernorm",
        "ffn_norm": "post_attention_layernorm",
        "attention.wo.": "self_attn.o_proj.",
        "attention.wqkv": "self_attn.qkv",
        "feed_forward.w1": "mlp.gate_proj",
        "feed_forward.w2": "mlp.down_proj",
        "feed_forward.w3": "mlp.up_proj",
    }
    renamed = {_replace(name, names): tensor for name, tensor in tensors.items()}
    for name in [name for name in renamed if ".qkv." in name]:
        width = config["hidden_size"]
        fused = renamed.pop(name).reshape(groups, heads // groups + 2, width // heads, width)
        parts = fused[:, :-2], fused[:, -2], fused[:, -1]
        renamed |= {
            name.replace("qkv", f"{part}_proj"): tensor.reshape(-1, width).contiguous()
            for part, tensor in zip("qkv", parts, strict=True)
        }
    return found, renamed


def _replace(name: str, names: Mapping[str, str]) -> str:
    for old, new in names.items():
        name = name.replace(old, new)
    return name


STAND_INS: dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Parts]] = {
    "ChatGLMModel": glm,
    "ChatGLMForConditionalGeneration": glm,
    "MiniCPMForCausalLM": granite,
    "InternLM2ForCausalLM": llama,
    "InternLM3ForCausalLM": llama,
}
