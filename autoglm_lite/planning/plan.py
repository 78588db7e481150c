"""The Plan: everything the engine needs to know to load one model on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LoadMode = Literal["mmap", "none", "direct_io"]
KvType = Literal["f16", "q8_0", "f32"]
KV_TYPES: tuple[KvType, ...] = ("f16", "q8_0", "f32")


@dataclass(frozen=True, slots=True)
class DevicePart:
    """What one device takes: a run of layers, all before those of the next device."""

    name: str
    """Of the device, as in hardware.devices; likewise the endpoint."""
    endpoint: str | None
    layers: int


@dataclass(frozen=True, slots=True)
class Plan:
    model_path: str
    n_ctx: int
    """Tokens of KV cache; paid in full when the context is made."""
    threads: int
    """For decode: physical cores, since memory bandwidth is the limit."""
    threads_batch: int
    """For prefill."""
    n_ubatch: int = 512
    """Micro-batch: tokens computed at once in prefill."""
    kv_type: KvType = "f16"
    gpu_layers: int = 0
    """On all devices together; the output layer counts as one."""
    load_mode: LoadMode = "mmap"
    repack: bool = True
    """Copy weights into the layout the processor multiplies fastest (llama.cpp's extra buffer types)."""
    devices: tuple[DevicePart, ...] = ()
    """They take the model's last layers; the processor computes those before."""
    on_cpu: tuple[str, ...] = ()
    """Regular expressions: tensors of the devices' layers, or of the output layer, that stay with the processor."""
