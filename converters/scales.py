"""FP8 checkpoints: each weight beside the scales of its blocks, as GLM and DeepSeek releases ship them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autoglm_lite.errors import ConversionError
from converters.checkpoint import SourceTensor
from converters.numbers import F8_TYPES
from converters.rows import BlockScaled, Rows, Stored

SCALES = {"fp8": "_scale_inv", "compressed-tensors": "_scale"}
"""What a `quant_method` puts behind the name of a weight to name its scale."""

UNUSED = ("activation_scale",)
"""Scales of activations, which llama.cpp has no use for."""


def weights(tensors: Sequence[SourceTensor], quantisation: Mapping[str, Any] | None) -> dict[str, Rows]:
    """The weights of a checkpoint in its order, scaled where `quantisation` (config.json's own words) says so.

    Raises ConversionError for a quantised checkpoint of any other kind, or whose scales do not fit.
    """
    if not quantisation:
        return {tensor.name: Stored(tensor) for tensor in tensors}
    ending, block = _form(quantisation)
    named = {tensor.name: tensor for tensor in tensors}
    found: dict[str, Rows] = {}
    for tensor in tensors:
        if tensor.name.endswith((ending, *UNUSED)):
            continue
        scale = named.pop(tensor.name + ending, None)
        if scale is None:
            if tensor.type in F8_TYPES:
                raise ConversionError(f"tensor {tensor.name} is FP8 and has no scale; download the checkpoint again.")
            found[tensor.name] = Stored(tensor)
            continue
        _check(tensor, scale, block)
        found[tensor.name] = BlockScaled(tensor, scale, block)
    if left := [name for name in named if name.endswith(ending)]:
        raise ConversionError(f"tensor {left[0]} scales a weight that is not there; download the checkpoint again.")
    return found


def _form(quantisation: Mapping[str, Any]) -> tuple[str, tuple[int, int] | None]:
    """What names of scales end in, and the block of values that share one: none where each row, or all, share it."""
    method = quantisation.get("quant_method")
    if method == "fp8":
        return SCALES["fp8"], _block(quantisation.get("weight_block_size"))
    if method == "compressed-tensors" and quantisation.get("format") in ("float-quantized", "naive-quantized"):
        match quantisation.get("config_groups"):
            # Of several groups each would have a form of its own.
            case {**groups} if len(groups) == 1:
                match next(iter(groups.values())):
                    case {"weights": {"type": "float", "num_bits": 8, "strategy": "channel" | "block", **more}}:
                        return SCALES["compressed-tensors"], _block(more.get("block_structure"))
    raise ConversionError(
        f"the checkpoint is already quantised ({str(method)[:40]}); look for the unquantised release of this model."
    )


def _block(value: object) -> tuple[int, int] | None:
    match value:
        case None:
            return None
        case [int(height), int(width)] if 0 < height < 1 << 20 and 0 < width < 1 << 20:
            return height, width
    raise ConversionError("config.json gives the block of a scale as something else than two sizes; download it again.")


def _check(weight: SourceTensor, scale: SourceTensor, block: tuple[int, int] | None) -> None:
    if block is None:
        fits = scale.shape in ((), (1,), (1, 1)) or (
            len(weight.shape) <= 2 and scale.shape in (weight.shape[:1], (*weight.shape[:1], 1))
        )
    else:
        fits = len(weight.shape) == 2 and scale.shape == tuple(
            -(-size // step) for size, step in zip(weight.shape, block, strict=True)
        )
    if not fits:
        raise ConversionError(
            f"tensor {scale.name} has the shape {list(scale.shape)[:8]}, which does not fit the weight's "
            f"{list(weight.shape)[:8]}; download the checkpoint again."
        )
