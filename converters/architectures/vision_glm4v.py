"""The vision part of GLM-4.1V and AutoGLM-Phone (`Glm4vForConditionalGeneration`)."""

from __future__ import annotations

from converters.architectures import vision
from converters.architectures.decoder import norm, projection
from converters.architectures.family import Family, TensorRule, in_layers
from converters.config import Config
from converters.keyvalues import KeyValues

TEXT_DEFAULTS = {"hidden_size": 4096}

DEFAULTS = {
    "depth": 24,
    "hidden_size": 1536,
    "hidden_act": "silu",
    "num_heads": 12,
    "in_channels": 3,
    "image_size": 336,
    "patch_size": 14,
    "rms_norm_eps": 1e-5,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
    "out_hidden_size": 4096,
    "intermediate_size": 13696,
}

ACTIVATIONS = {"gelu": "use_gelu", "silu": "use_silu"}
"""The key that stands for `hidden_act`."""


def rules(config: Config) -> list[TensorRule]:
    """The tensors of the encoder and of its projector; raises ConversionError for a config that makes no sense."""
    encoder = vision.encoder_config(config, DEFAULTS)
    n_embd, n_out, n_ff = (encoder.integer(key) for key in ("hidden_size", "out_hidden_size", "intermediate_size"))
    merge = encoder.integer("spatial_merge_size", most=64)
    n_position = (encoder.integer("image_size", most=1 << 20) // encoder.integer("patch_size", most=1 << 12)) ** 2
    block = (
        norm("norm1", "ln1", n_embd),
        *projection("attn.qkv", "attn_qkv", (3 * n_embd, n_embd), encoder.flag("attention_bias")),
        *projection("attn.proj", "attn_out", (n_embd, n_embd)),
        norm("norm2", "ln2", n_embd),
        # The encoder's own layers are as wide as its output; `intermediate_size` is the projector's width.
        *projection("mlp.gate_proj", "ffn_gate", (n_out, n_embd)),
        *projection("mlp.up_proj", "ffn_up", (n_out, n_embd)),
        *projection("mlp.down_proj", "ffn_down", (n_embd, n_out)),
    )
    return [
        *vision.patch_rules(encoder, n_embd),
        TensorRule("visual.patch_embed.proj.bias", "v.patch_embd.bias", (n_embd,)),
        TensorRule("visual.embeddings.position_embedding.weight", "v.position_embd.weight", (n_position, n_embd)),
        norm("visual.post_conv_layernorm", "v.norm_embd", n_embd),
        *in_layers(range(vision.n_block(encoder)), block, "visual.blocks.", "v.blk."),
        norm("visual.post_layernorm", "v.post_ln", n_embd),
        TensorRule("visual.downsample.weight", "mm.patch_merger.weight", (n_out, n_embd, merge, merge)),
        TensorRule("visual.downsample.bias", "mm.patch_merger.bias", (n_out,)),
        *projection("visual.merger.proj", "mm.model.fc", (n_out, n_out)),
        norm("visual.merger.post_projection_norm", "mm.post_norm", n_out),
        TensorRule("visual.merger.post_projection_norm.bias", "mm.post_norm.bias", (n_out,)),
        *projection("visual.merger.gate_proj", "mm.gate", (n_ff, n_out)),
        *projection("visual.merger.up_proj", "mm.up", (n_ff, n_out)),
        *projection("visual.merger.down_proj", "mm.down", (n_out, n_ff)),
    ]


def parameters(config: Config, keys: KeyValues, file_type: int) -> None:
    """Adds the keys that describe the encoder (Glm4VVisionModel in llama.cpp's conversion/qwen3vl.py)."""
    encoder = vision.encoder_config(config, DEFAULTS)
    n_embd, n_ff = encoder.integer("hidden_size"), encoder.integer("intermediate_size")
    vision.add_encoder(config, encoder, keys, file_type, n_embd, n_ff)
    keys.string(f"{vision.NAME}.projector_type", "glm4v")
    if (activation := ACTIVATIONS.get(str(encoder.get("hidden_act")).lower())) is not None:
        keys.boolean(f"{vision.NAME}.{activation}", True)
    keys.float32(f"{vision.PREFIX}.attention.layer_norm_epsilon", encoder.number("rms_norm_eps"))


FAMILY = Family(
    name=vision.NAME,
    rules=rules,
    parameters=parameters,
    tokenizer=None,
    defaults=TEXT_DEFAULTS,
    rename=vision.rename,
    ignored=vision.NOT_VISION,
)
