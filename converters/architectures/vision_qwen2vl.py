"""The vision parts of Qwen2-VL and Qwen2.5-VL."""

from __future__ import annotations

from collections.abc import Sequence

from autoglm_lite.errors import ConversionError
from converters.architectures import vision
from converters.architectures.decoder import norm, projection
from converters.architectures.family import Family, TensorRule, in_layers
from converters.config import Config, positive_number
from converters.keyvalues import KeyValues
from converters.rows import Rows, part

TEXT_DEFAULTS = {"hidden_size": 8192}

COMMON = {
    "depth": 32,
    "hidden_size": 3584,
    "num_heads": 16,
    "in_channels": 3,
    "patch_size": 14,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
    # Images may have any size; llama.cpp's converter writes this one.
    "image_size": 560,
}

QWEN2 = {**COMMON, "embed_dim": 1280, "mlp_ratio": 4}
QWEN2_5 = {
    **COMMON,
    "intermediate_size": 3420,
    "out_hidden_size": 3584,
    "fullatt_block_indexes": [7, 15, 23, 31],
}

EPSILON = 1e-6


def rules_2(config: Config) -> list[TensorRule]:
    """The tensors of Qwen2-VL's encoder; raises ConversionError for a config that makes no sense."""
    encoder = vision.encoder_config(config, QWEN2)
    n_embd = encoder.integer("embed_dim")
    n_ff = int(n_embd * positive_number(encoder.get("mlp_ratio"), "mlp_ratio"))
    block = (
        *_norm("norm1", "ln1", n_embd),
        *_attention(n_embd),
        *_norm("norm2", "ln2", n_embd),
        *projection("mlp.fc1", "ffn_up", (n_ff, n_embd), True),
        *projection("mlp.fc2", "ffn_down", (n_embd, n_ff), True),
    )
    last = _norm("visual.merger.ln_q", "v.post_ln", n_embd)
    return _encoder(encoder, n_embd, block, last, encoder.integer("hidden_size"))


def rules_2_5(config: Config) -> list[TensorRule]:
    """The tensors of Qwen2.5-VL's encoder; raises ConversionError for a config that makes no sense."""
    encoder = vision.encoder_config(config, QWEN2_5)
    n_embd, n_ff = encoder.integer("hidden_size"), encoder.integer("intermediate_size")
    block = (
        norm("norm1", "ln1", n_embd),
        *_attention(n_embd),
        norm("norm2", "ln2", n_embd),
        *projection("mlp.gate_proj", "ffn_gate", (n_ff, n_embd), True),
        *projection("mlp.up_proj", "ffn_up", (n_ff, n_embd), True),
        *projection("mlp.down_proj", "ffn_down", (n_embd, n_ff), True),
    )
    last = (norm("visual.merger.ln_q", "v.post_ln", n_embd),)
    return _encoder(encoder, n_embd, block, last, encoder.integer("out_hidden_size"))


def _norm(source: str, target: str, size: int) -> tuple[TensorRule, TensorRule]:
    return norm(source, target, size), TensorRule(f"{source}.bias", f"{target}.bias", (size,))


def _attention(n_embd: int) -> tuple[TensorRule, ...]:
    """Queries, keys and values one after another in one matrix, which llama.cpp has apart."""
    found: list[TensorRule] = []
    for place, kind in enumerate("qkv"):

        def third(rows: Rows, start: int = place * n_embd) -> Rows:
            return part(rows, start, start + n_embd)

        found += projection("attn.qkv", f"attn_{kind}", (3 * n_embd, n_embd), True, third)
    return *found, *projection("attn.proj", "attn_out", (n_embd, n_embd), True)


def _encoder(
    encoder: Config, n_embd: int, block: Sequence[TensorRule], last: Sequence[TensorRule], n_out: int
) -> list[TensorRule]:
    merged = n_embd * encoder.integer("spatial_merge_size", most=64) ** 2
    return [
        *vision.patch_rules(encoder, n_embd),
        *in_layers(range(vision.n_block(encoder)), block, "visual.blocks.", "v.blk."),
        *last,
        *projection("visual.merger.mlp.0", "mm.0", (merged, merged), True),
        *projection("visual.merger.mlp.2", "mm.2", (n_out, merged), True),
    ]


def parameters_2(config: Config, keys: KeyValues, file_type: int) -> None:
    """Adds the keys that describe Qwen2-VL's encoder (Qwen2VLVisionModel in llama.cpp's conversion/qwenvl.py)."""
    encoder = vision.encoder_config(config, QWEN2)
    n_embd, n_out = encoder.integer("embed_dim"), encoder.integer("hidden_size")
    # What the file calls the width of the feed-forward layers is that of the output; llama.cpp does not use it.
    vision.add_encoder(config, encoder, keys, file_type, n_embd, n_out)
    keys.string(f"{vision.NAME}.projector_type", "qwen2vl_merger")
    _add_epsilon(config, keys)


def parameters_2_5(config: Config, keys: KeyValues, file_type: int) -> None:
    """Adds the keys that describe Qwen2.5-VL's encoder; the layers that see a whole image must come at equal steps."""
    encoder = vision.encoder_config(config, QWEN2_5)
    n_embd, n_ff = encoder.integer("hidden_size"), encoder.integer("intermediate_size")
    vision.add_encoder(config, encoder, keys, file_type, n_embd, n_ff)
    keys.string(f"{vision.NAME}.projector_type", "qwen2.5vl_merger")
    keys.boolean(f"{vision.NAME}.use_silu", True)
    keys.uint32(f"{vision.PREFIX}.n_wa_pattern", _window_pattern(encoder))
    _add_epsilon(config, keys)


def _window_pattern(encoder: Config) -> int:
    whole = encoder.get("fullatt_block_indexes")
    step = whole[0] + 1 if isinstance(whole, list) and whole and isinstance(whole[0], int) else 0
    if step < 1 or whole != [step * (place + 1) - 1 for place in range(len(whole))]:
        raise ConversionError(
            "config.json gives fullatt_block_indexes that do not follow one another at equal steps, "
            "which llama.cpp has no way to run."
        )
    return int(step)


def _add_epsilon(config: Config, keys: KeyValues) -> None:
    # transformers and llama.cpp's converter look beside the language model's own part, not in it.
    epsilon = config.number("rms_norm_eps") if config.has("rms_norm_eps") else EPSILON
    keys.float32(f"{vision.PREFIX}.attention.layer_norm_epsilon", epsilon)


def family(config: Config) -> Family:
    """The two generations, which their architecture's name tells apart."""
    names = config.get("architectures")
    second = isinstance(names, list) and names[:1] == ["Qwen2VLForConditionalGeneration"]
    return Family(
        name=vision.NAME,
        rules=rules_2 if second else rules_2_5,
        parameters=parameters_2 if second else parameters_2_5,
        tokenizer=None,
        defaults=TEXT_DEFAULTS,
        rename=vision.rename,
        ignored=vision.NOT_VISION,
    )
