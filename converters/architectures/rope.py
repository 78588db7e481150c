"""Rotary position embedding as config.json describes it, in all the ways that transformers has used."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from autoglm_lite.errors import ConversionError
from converters.config import Config, positive_number
from converters.keyvalues import KeyValues, ValueType

GLOBAL_BASES = ("global_rope_theta", "rope_global_theta", "rope_theta_global", "rope_theta", "rotary_emb_base")
LOCAL_BASES = ("local_rope_theta", "rope_local_theta", "rope_theta_local", "swa_rope_theta", "rope_local_base_freq")
PARTIAL = ("partial_rotary_factor", "rope_pct", "rope_percent")


def rope_parameters(config: Config) -> dict[str, Any]:
    """One table of what the config says: transformers 5 writes `rope_parameters`, older ones values apart.

    Where layers differ, the tables of `full_attention` and `sliding_attention` are inside.
    """
    rope = config.table("rope_parameters" if config.has("rope_parameters") else "rope_scaling")
    if "full_attention" in rope or "sliding_attention" in rope:
        return rope
    if (local := config.first(LOCAL_BASES)) is not None:
        rope["sliding_attention"] = {"rope_theta": local}
    for key, value in (
        ("rope_theta", config.first(GLOBAL_BASES)),
        ("rope_type", rope.get("type")),
        ("partial_rotary_factor", config.first(PARTIAL)),
        ("original_max_position_embeddings", config.get("original_max_position_embeddings")),
    ):
        if value is not None:
            rope.setdefault(key, value)
    return rope


def full_attention(rope: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values of layers that see the whole context."""
    found = rope.get("full_attention", rope)
    if not isinstance(found, Mapping):
        raise ConversionError("config.json gives full_attention of its rope_parameters as no JSON object.")
    return found


def add_rope(config: Config, name: str, keys: KeyValues, long_factors: bool = False) -> None:
    """Adds scaling, sections and bases of the architecture `name`, in convert_hf_to_gguf's order.

    `long_factors` says that the family writes LongRoPE's factors as tensors (see `longrope_factors`).
    """
    whole = rope_parameters(config)
    rope = full_attention(whole)
    _add_scaling(rope, f"{name}.rope.scaling.", keys, long_factors)
    if (sections := whole.get("mrope_section")) is not None:
        keys.array(f"{name}.rope.dimension_sections", ValueType.INT32, _sections(sections))
    if rope.get("rope_theta") is not None:
        keys.float32(f"{name}.rope.freq_base", positive_number(rope["rope_theta"], "rope_theta"))
    sliding = whole.get("sliding_attention")
    if isinstance(sliding, Mapping) and sliding.get("rope_theta") is not None:
        keys.float32(f"{name}.rope.freq_base_swa", positive_number(sliding["rope_theta"], "rope_theta"))


def rope_number(rope: Mapping[str, Any], key: str, default: float | None = None) -> float:
    """A positive number of a rope table; raises ConversionError for anything else."""
    return positive_number(rope.get(key, default), f"{key} of the rope scaling")


def rope_context(rope: Mapping[str, Any]) -> int:
    """The length of context that a model was trained on, before its rope was scaled."""
    context = rope.get("original_max_position_embeddings")
    if isinstance(context, bool) or not isinstance(context, int) or not 1 < context < 1 << 31:
        raise ConversionError(
            "config.json gives original_max_position_embeddings of the rope scaling as something else than a whole "
            "number of positions."
        )
    return context


def partial_rotary(config: Config, default: float) -> float:
    """The share of a head's dimensions that is rotated."""
    return rope_number(full_attention(rope_parameters(config)), "partial_rotary_factor", default)


def llama3_factors(config: Config, head_dim: int) -> Sequence[tuple[str, tuple[float, ...]]]:
    """Llama 3.1's frequency factors, one for each pair of rotated dimensions, when `rope_type` is llama3.

    Formula: transformers' `_compute_llama3_parameters`, in 32-bit floats and with llama.cpp's order of operations.
    """
    rope = full_attention(rope_parameters(config))
    if str(rope.get("rope_type", "")).lower() != "llama3":
        return ()
    base = positive_number(rope.get("rope_theta", 10000.0), "rope_theta")
    factor = rope_number(rope, "factor", 8.0)
    low = rope_number(rope, "low_freq_factor", 1.0)
    high = rope_number(rope, "high_freq_factor", 4.0)
    context = rope_number(rope, "original_max_position_embeddings", 8192)
    factors = _llama3_factors(base, head_dim, factor, low, high, context)
    if not all(0 < value < math.inf for value in factors):
        raise ConversionError("config.json gives rope_scaling numbers that have no meaning together.")
    return (("rope_freqs.weight", factors),)


def longrope_factors(config: Config, n_rotated: int) -> Sequence[tuple[str, tuple[float, ...]]]:
    """The frequency factors that LongRoPE was given for long and for short contexts, if it was (arXiv 2402.13753).

    `n_rotated` dimensions of a head are rotated, in pairs. Raises ConversionError for factors of another number.
    """
    rope = rope_parameters(config)
    if not rope.get("long_factor") and not rope.get("short_factor"):
        return ()
    return tuple(
        (f"rope_factors_{kind}.weight", _factors(rope, f"{kind}_factor", n_rotated)) for kind in ("long", "short")
    )


def _factors(rope: Mapping[str, Any], key: str, n_rotated: int) -> tuple[float, ...]:
    values = rope.get(key)
    if not isinstance(values, list) or 2 * len(values) != n_rotated:
        raise ConversionError(
            f"config.json gives {key} as something else than a list of {n_rotated // 2} numbers, "
            "one for each pair of rotated dimensions."
        )
    return tuple(positive_number(value, key) for value in values)


def _llama3_factors(
    base: float, head_dim: int, factor: float, low: float, high: float, context: float
) -> tuple[float, ...]:
    import numpy as np
    from numpy import float32 as f32

    factors: list[float] = []
    # Numbers without meaning overflow or divide by zero here; what comes out of them is then refused.
    with np.errstate(all="ignore"):
        for dimension in range(0, head_dim, 2):
            frequency = f32(1) / f32(base ** float(f32(dimension) / f32(head_dim)))
            wavelength = f32(1) / frequency * f32(2 * math.pi)
            if wavelength < f32(context / high):
                factors.append(1.0)
            elif wavelength > f32(context / low):
                factors.append(float(f32(factor)))
            else:
                smooth = (f32(1) / wavelength * f32(context) - f32(low)) / f32(high - low)
                factors.append(float(f32(1) / ((f32(1) - smooth) / f32(factor) + smooth)))
    return tuple(factors)


def _add_scaling(rope: Mapping[str, Any], prefix: str, keys: KeyValues, long_factors: bool) -> None:
    kind = rope.get("rope_type")
    if kind in (None, "default", "dynamic", "mrope") or str(kind).lower() == "llama3":
        # llama.cpp has no dynamic scaling; such a model runs within its original context.
        return
    if kind in ("su", "longrope") and long_factors:
        keys.string(prefix + "type", "longrope")
        return
    if kind not in ("linear", "yarn"):
        raise ConversionError(f"config.json asks for the rope scaling {str(kind)[:40]}, which cannot be converted yet.")
    keys.string(prefix + "type", kind)
    keys.float32(prefix + "factor", rope_number(rope, "factor"))
    if kind == "linear":
        return
    keys.uint32(prefix + "original_context_length", rope_context(rope))
    attention = "attention_factor" if "attention_factor" in rope else "attn_factor"
    optional = {
        "extrapolation_factor": "yarn_ext_factor",
        attention: "yarn_attn_factor",
        "beta_fast": "yarn_beta_fast",
        "beta_slow": "yarn_beta_slow",
    }
    for key, target in optional.items():
        if rope.get(key) is not None:
            keys.float32(prefix + target, rope_number(rope, key))


def _sections(value: object) -> list[int]:
    if (
        not isinstance(value, list)
        or not 0 < len(value) <= 8
        or not all(isinstance(one, int) and 0 <= one < 1 << 16 for one in value)
    ):
        raise ConversionError("config.json gives mrope_section as something else than a list of whole numbers.")
    # Time, height, width, and one that no model uses yet.
    return [*value, 0, 0, 0, 0][:4]
