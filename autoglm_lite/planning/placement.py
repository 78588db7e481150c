"""Where llama.cpp puts each tensor of a model under a plan (get_layer_buft_list in llama-model.cpp)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from autoglm_lite.gguf.facts import ModelFacts
from autoglm_lite.gguf.header import TensorInfo
from autoglm_lite.gguf.tensors import EMBEDDING
from autoglm_lite.planning.plan import DevicePart, Plan

KEEP_OUTPUT = r"^(output|token_embd)"
"""The output layer, also where it is the embedding used a second time."""

_BLOCK = re.compile(r"blk\.(\d+)\.")


@dataclass(frozen=True, slots=True)
class Placement:
    """A tied embedding that a device multiplies by is on both sides."""

    here: tuple[TensorInfo, ...]
    """What the processor computes with."""
    there: tuple[tuple[TensorInfo, ...], ...]
    """What each of plan.devices does."""
    layers: tuple[int | None, ...]
    """For each layer the index of the device that it and its keys and values are on; None for the processor."""


def keep_experts(layers: Sequence[int]) -> str:
    """The pattern that leaves the experts of these layers with the processor."""
    return rf"^blk\.({'|'.join(map(str, layers))})\.ffn_[a-z_]+_exps\."


def is_expert(tensor: TensorInfo) -> bool:
    return "_exps." in tensor.name


def block_of(tensor: TensorInfo) -> int | None:
    match = _BLOCK.match(tensor.name)
    return int(match[1]) if match else None


def layers_of(n_layer: int, devices: Sequence[DevicePart]) -> tuple[int | None, ...]:
    """For each layer the index of its device, None for the processor: devices take the last ones, in their order."""
    on_devices = [i for i, part in enumerate(devices) for _ in range(part.layers)]
    return (*[None] * (n_layer - len(on_devices)), *on_devices[-n_layer:])


def place(facts: ModelFacts, plan: Plan) -> Placement:
    layers = layers_of(facts.n_layer, plan.devices)
    if not plan.devices:
        return Placement(facts.tensors, (), layers)
    kept = [re.compile(pattern) for pattern in plan.on_cpu]
    tied = facts.tied
    last = len(plan.devices) - 1
    here: list[TensorInfo] = []
    there: list[list[TensorInfo]] = [[] for _ in plan.devices]
    for tensor in facts.tensors:
        block = block_of(tensor)
        device: int | None
        if block is not None:
            device = layers[block]
        else:
            device = last if tensor.name.startswith("output") or (tied and tensor.name == EMBEDDING) else None
        if device is not None and not any(pattern.search(tensor.name) for pattern in kept):
            there[device].append(tensor)
            if tensor.name != EMBEDDING:
                continue
        here.append(tensor)
    return Placement(tuple(here), tuple(map(tuple, there)), layers)
